"""Plants whose physics MuJoCo computes."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from .plant import Variable

_MISSING = "simulating with MuJoCo needs the mujoco extra: pip install 'lbdnn[mujoco]'"


class MujocoPlant:
    """A MuJoCo model that a controller meets step by step, on the host, in float64.

    The state is [q; v; a]: positions, velocities, then the actuators' own states, if any. A ball
    or free joint has a unit quaternion among its positions, so that q is longer than v.

    **Arguments:**

    - `model`: MJCF as text, or the path of a file: `ARM` is an arm of four joints, `two_link_mjcf`
      writes the two-link manipulator.
    - `timestep`: of MuJoCo's integrator, in s; by default the model's.

    `states` and `controls` have the joints' and the actuators' names; the unit of a control is
    empty where its actuator is no motor on a joint. Controls beyond an actuator's range are
    clipped. A state that is no longer finite stays so until `reset`, and MuJoCo notes it in its log
    file in the working directory. `model` is the `mujoco.MjModel`.

    **Raises:** ValueError for a model that MuJoCo does not read; ImportError without MuJoCo.

    Todorov, Erez, Tassa, *MuJoCo: a physics engine for model-based control* (2012).
    """

    def __init__(self, model: str | PathLike[str], *, timestep: float | None = None):
        mujoco = self._mujoco = _engine()
        self.model = _read(mujoco, model)
        if timestep is not None:
            if not 0 < timestep < np.inf:
                raise ValueError(f"the timestep is a positive number of seconds; got {timestep}")
            self.model.opt.timestep = timestep
        # Otherwise a state that diverges would silently become the initial one.
        self.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
        self._data = mujoco.MjData(self.model)
        self._probe = mujoco.MjData(self.model)
        self._physics = mujoco.mjtState.mjSTATE_PHYSICS
        self._size = mujoco.mj_stateSize(self.model, self._physics)

    @property
    def states(self) -> tuple[Variable, ...]:
        positions, velocities = _joint_variables(self._mujoco, self.model)
        own = (Variable(f"actuator state {i + 1}", "") for i in range(self.model.na))
        return (*positions, *velocities, *own)

    @property
    def controls(self) -> tuple[Variable, ...]:
        return _actuator_variables(self._mujoco, self.model)

    @property
    def time(self) -> float:
        """Seconds since `reset`."""
        return float(self._data.time)

    @property
    def state(self) -> Float[np.ndarray, " N"]:
        """A copy of the state as it is now."""
        return self._state_of(self._data)

    def reset(self, state: Float[ArrayLike, " N"] | None = None) -> Float[np.ndarray, " N"]:
        """Time 0, at `state` or at the model's own initial state, which is returned.

        **Raises:** ValueError for a state of another size.
        """
        self._mujoco.mj_resetData(self.model, self._data)
        if state is not None:
            self._put(self._data, state)
        return self.state

    def step(self, control: Float[ArrayLike, " m"], period: float) -> Float[np.ndarray, " N"]:
        """The state after `period` seconds with this control held.

        **Raises:** ValueError for a control of another size or not finite, or a period that is no
        multiple of the timestep.
        """
        timestep = self.model.opt.timestep
        steps = round(period / timestep) if np.isfinite(period) else 0
        if steps < 1 or abs(steps * timestep - period) > 1e-9 * period:
            raise ValueError(
                f"a period is a multiple of MuJoCo's timestep, {timestep} s; got {period} s"
            )
        self._data.ctrl[:] = self._checked(control)
        if np.isfinite(self.state).all():
            self._mujoco.mj_step(self.model, self._data, steps)
        return self.state

    def acceleration(
        self, state: Float[ArrayLike, " N"], control: Float[ArrayLike, " m"]
    ) -> Float[np.ndarray, " v"]:
        """v̇ at a state and a control; the simulation stays where it is.

        **Raises:** ValueError as `reset` and `step`.
        """
        self._mujoco.mj_resetData(self.model, self._probe)
        self._put(self._probe, state)
        self._probe.ctrl[:] = self._checked(control)
        self._mujoco.mj_forward(self.model, self._probe)
        return self._probe.qacc.copy()

    def _state_of(self, data: Any) -> np.ndarray:
        state = np.empty(self._size)
        self._mujoco.mj_getState(self.model, data, state, self._physics)
        return state

    def _put(self, data: Any, state: ArrayLike) -> None:
        given = np.array(state, float)
        if given.shape != (self._size,):
            raise ValueError(f"the model has {self._size} states; got shape {given.shape}")
        self._mujoco.mj_setState(self.model, data, given, self._physics)

    def _checked(self, control: ArrayLike) -> np.ndarray:
        given = np.asarray(control, float)
        if given.shape != (self.model.nu,):
            raise ValueError(f"the model has {self.model.nu} controls; got shape {given.shape}")
        if not np.isfinite(given).all():
            raise ValueError(f"a control is finite; got {given} at {self.time} s")
        return given


def _engine() -> Any:
    try:
        import mujoco
    except ImportError:
        raise ImportError(_MISSING) from None
    return mujoco


def _read(mujoco: Any, model: str | PathLike[str]) -> Any:
    try:
        if isinstance(model, str) and model.lstrip().startswith("<"):
            return mujoco.MjModel.from_xml_string(model)
        return mujoco.MjModel.from_xml_path(str(model))
    except ValueError as error:
        raise ValueError(
            f"MuJoCo does not read this model: {' '.join(str(error).split())}"
        ) from None


def _joint_variables(mujoco: Any, model: Any) -> tuple[list[Variable], list[Variable]]:
    spatial = [(f"velocity along {axis}", "m/s") for axis in "xyz"]
    turning = [(f"velocity about {axis}", "rad/s") for axis in "xyz"]
    place = [(f"position {axis}", "m") for axis in "xyz"]
    quaternion = [(f"quaternion {i}", "1") for i in range(4)]
    kind = mujoco.mjtJoint
    parts = {
        kind.mjJNT_HINGE: ([("angle", "rad")], [("velocity", "rad/s")]),
        kind.mjJNT_SLIDE: ([("position", "m")], [("velocity", "m/s")]),
        kind.mjJNT_BALL: (quaternion, turning),
        kind.mjJNT_FREE: (place + quaternion, spatial + turning),
    }
    positions, velocities = [], []
    for index in range(model.njnt):
        joint = model.joint(index)
        name = joint.name or f"joint {index + 1}"
        own = parts[kind(joint.type[0])]
        for variables, found in zip(own, (positions, velocities), strict=True):
            found += [Variable(f"{part} of {name}", unit) for part, unit in variables]
    return positions, velocities


def _actuator_variables(mujoco: Any, model: Any) -> tuple[Variable, ...]:
    units = {mujoco.mjtJoint.mjJNT_HINGE: "N m", mujoco.mjtJoint.mjJNT_SLIDE: "N"}
    found = []
    for index in range(model.nu):
        actuator = model.actuator(index)
        motor = (
            actuator.trntype[0] == mujoco.mjtTrn.mjTRN_JOINT
            and actuator.gaintype[0] == mujoco.mjtGain.mjGAIN_FIXED
            and actuator.biastype[0] == mujoco.mjtBias.mjBIAS_NONE
            and actuator.gainprm[0] == actuator.gear[0] == 1
        )
        joint = mujoco.mjtJoint(model.jnt_type[actuator.trnid[0]]) if motor else None
        name = actuator.name or f"actuator {index + 1}"
        found.append(Variable(name, units.get(joint, "")))
    return tuple(found)
