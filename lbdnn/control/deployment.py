"""One control step as a file: compiled ahead of time, called without the code that made it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jaxtyping import Array, Float

from ..networks import Theta
from .controllers import Controller, advance
from .references import Motion

FORMAT = "lbdnn control step 1"


def export_step(
    controller: Controller,
    theta: Theta | None,
    *,
    states: int,
    positions: int,
    period: float,
    dtype: Literal["float64", "float32"] = "float64",
) -> bytes:
    """The contents of a file with the controller's `init` and one step of it, gains and θ̂(0) in it.

    A zip archive of two programs serialised by `jax.export` and `about.json`; `load_step` reads it,
    and so does JAX alone:

        programs = zipfile.ZipFile("controller.zip")
        step = jax.export.deserialize(programs.read("step")).call

    `init(measured, position, velocity, acceleration)` gives the state, a tuple of arrays;
    `step(state, measured, position, velocity, acceleration)` gives the state, the control, and
    whether the state stood still: as `advance`, so where the measurement is not finite.

    **Arguments:**

    - `theta`: θ̂(0) of the controller's network, if it has one.
    - `states`: N, entries of a measurement. `positions`: n, entries of a reference's position.
    - `period`: in s, for which a control is held.
    - `dtype`: of all numbers.

    **Raises:** ValueError for a period or sizes that are not above 0, or a controller that looks at
    a reference ahead (`NonlinearMPC`).
    """
    if hasattr(controller, "reference"):
        raise ValueError(
            f"{type(controller).__name__} looks at its reference ahead, and a step in a file is "
            "told the present only; export another controller"
        )
    if not (np.isfinite(period) and period > 0) or states < 1 or positions < 1:
        raise ValueError(
            f"needs period > 0, states >= 1 and positions >= 1; got {period}, {states}, {positions}"
        )
    with jax.enable_x64(dtype == "float64"):
        if theta is not None:
            theta = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), theta)
        state_of = jax.ShapeDtypeStruct((states,), dtype)
        motion_of = (jax.ShapeDtypeStruct((positions,), dtype),) * 3

        def init(measured: Array, *motion: Array) -> tuple[Array, ...]:
            state = controller.init(theta, measured, Motion(*motion))
            return tuple(jnp.asarray(leaf) for leaf in jax.tree.leaves(state))

        structure = jax.tree.structure(
            jax.eval_shape(
                lambda x, *m: controller.init(theta, x, Motion(*m)), state_of, *motion_of
            )
        )

        def step(state: tuple[Array, ...], measured: Array, *motion: Array) -> tuple:
            own = jax.tree.unflatten(structure, state)
            own, control, still = advance(controller, own, measured, Motion(*motion), period)
            return tuple(jax.tree.leaves(own)), control, still

        leaves = jax.eval_shape(init, state_of, *motion_of)
        programs = {
            "init": export.export(jax.jit(init))(state_of, *motion_of),
            "step": export.export(jax.jit(step))(leaves, state_of, *motion_of),
        }
    about = {
        "format": FORMAT,
        "dtype": dtype,
        "period": float(period),
        "states": states,
        "positions": positions,
        "controls": programs["step"].out_avals[-2].shape[0],
        "jax": jax.__version__,
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.json", json.dumps(about, indent=1))
        for name, program in programs.items():
            archive.writestr(name, bytes(program.serialize()))
    return file.getvalue()


@dataclass(frozen=True)
class LoadedStep:
    """A controller out of a file of `export_step`, compiled: calling it never compiles again.

    `init(measured, position, velocity, acceleration)` gives the state before the first sample,
    `step(state, measured, position, velocity, acceleration)` the state, the control (m,) and
    whether the state stood still, for want of a finite measurement. A state goes into one step
    alone: its memory is used for the next. `about`: sizes, period in s, dtype.

    **Raises:** ValueError for arrays of other shapes than `about` says.
    """

    about: dict[str, Any]
    _init: Any = field(repr=False)
    _step: Any = field(repr=False)

    def init(
        self,
        measured: Float[np.ndarray, " N"],
        position: Float[np.ndarray, " n"],
        velocity: Float[np.ndarray, " n"],
        acceleration: Float[np.ndarray, " n"],
    ) -> tuple[Array, ...]:
        numbers = self._checked(measured, position, velocity, acceleration)
        with jax.enable_x64(self.about["dtype"] == "float64"):
            return self._init(*numbers)

    def step(
        self,
        state: tuple[Array, ...],
        measured: Float[np.ndarray, " N"],
        position: Float[np.ndarray, " n"],
        velocity: Float[np.ndarray, " n"],
        acceleration: Float[np.ndarray, " n"],
    ) -> tuple[tuple[Array, ...], Float[np.ndarray, " m"], bool]:
        numbers = self._checked(measured, position, velocity, acceleration)
        with jax.enable_x64(self.about["dtype"] == "float64"):
            state, control, still = self._step(state, *numbers)
        return state, np.asarray(control), bool(still)

    def _checked(self, measured: Any, *motion: Any) -> list[np.ndarray]:
        dtype = self.about["dtype"]
        numbers = [np.asarray(values, dtype) for values in (measured, *motion)]
        sizes = (self.about["states"], *[self.about["positions"]] * 3)
        if any(own.shape != (size,) for own, size in zip(numbers, sizes, strict=True)):
            raise ValueError(
                f"the step takes a measurement of shape ({sizes[0]},) and position, velocity and "
                f"acceleration of shape ({sizes[1]},); got {[own.shape for own in numbers]}"
            )
        return numbers


def load_step(source: bytes | str | Path) -> LoadedStep:
    """Reads and compiles what `export_step` made: its bytes, or a file of them.

    **Raises:** ValueError where it is no such file, or JAX cannot read its programs.
    """
    try:
        with zipfile.ZipFile(
            io.BytesIO(source) if isinstance(source, bytes) else source
        ) as archive:
            about = json.loads(archive.read("about.json"))
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']!r}")
            wide = about["dtype"] == "float64"
            with jax.enable_x64(wide):
                compiled = {
                    name: _compiled(archive.read(name), donated)
                    for name, donated in (("init", ()), ("step", (0,)))
                }
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        name = "the data" if isinstance(source, bytes) else str(source)
        raise ValueError(f"{name} cannot be read as a control step: {error}") from None
    return LoadedStep(about, compiled["init"], compiled["step"])


def _compiled(program: bytes, donated: tuple[int, ...]) -> Any:
    exported = export.deserialize(bytearray(program))
    positional, _ = jax.tree.unflatten(
        exported.in_tree, [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in exported.in_avals]
    )
    return jax.jit(exported.call, donate_argnums=donated).lower(*positional).compile()
