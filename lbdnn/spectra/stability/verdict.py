"""Proofs that x ↦ Φ(x) is globally asymptotically stable."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...compilation import QUICK
from ...intervals import Interval, interval
from ...networks import Chain, Theta
from ..orbits import check_iterable, following
from .conditions import Condition, conditions
from .growth import absorbing_box
from .inequality import quadratic_norm
from .secants import Form, Secants, box, keeps_origin, secants, whole_space

_SHRINKING = 30  # steps after which the absorbing box is taken as it is
_SETTLING = 2000  # steps of the orbit that the enclosure of the equilibrium starts from


@dataclass(frozen=True)
class StabilityVerdict:
    """What was proved about x ↦ Φ(x).

    - `stable`: True if it is proved that there is exactly one fixed point, that it is Lyapunov
      stable, and that every orbit converges to it, at a geometric rate. None: not proved.
    - `conditions`: those tried, the ones that hold first, the smallest factor before the others.
    - `equilibrium`: (lo, hi), a box that contains the fixed point, if `stable`.
    """

    stable: bool | None
    conditions: tuple[Condition, ...]
    equilibrium: tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]] | None

    @property
    def proofs(self) -> tuple[Condition, ...]:
        """The conditions that hold: each alone is a proof."""
        return tuple(c for c in self.conditions if c.holds)


def stability(net: Chain, theta: Theta, *, inequality: bool = False) -> StabilityVerdict:
    r"""Whether it is proved that every orbit of x ↦ Φ(x) converges to one fixed point.

    Sufficient conditions: where none holds, nothing is said (`stable` is None). All numbers are
    computed in float64 and rounded upward, for the weights as stored and for Φ in real arithmetic,
    given that the constants of the activations are right: a factor below 1 is a proof.

    1. *From the origin.* No bias and ς(0) = 0, so Φ(0) = 0, and ‖Φ(x)‖ ≤ q‖x‖ in some norm with
       q < 1, from the ratios |ς(z)/z|. Then ‖Φᵏ(x)‖ ≤ qᵏ‖x‖.
    2. *Incremental*, for every network: ‖Φ(x) − Φ(y)‖ ≤ q‖x − y‖, q < 1, from the slopes ς'.
       Banach: there is one fixed point x̄, and ‖Φᵏ(x) − x̄‖ ≤ qᵏ‖x − x̄‖. (The ratios do not
       suffice with biases: x ↦ −0.95 SiLU(x) + 4.49 has |A| sup|ς(z)/z| = 0.95 and the 2-cycle
       3.9969 ↔ 0.7615.)
    3. *In an absorbing box*, if none of these holds. Φ(Rⁿ) lies in a box B₀, maybe unbounded; if
       so, it is cut to one that every orbit reaches (`absorbing_box`), if there is one. With
       B_{k+1} = B_k ∩ [Φ(B_k)] every orbit is in each B_k from some step on, for if all its later
       points are in B_k, their images are in [Φ(B_k)]. In the last of these boxes 1 and 2 are tried
       again. If 1 holds there, ‖Φᵏ(x)‖ decreases geometrically once the orbit is in the box. If 2
       does, consecutive points of an orbit approach each other geometrically
       (‖Φ(x) − Φ(y)‖ ≤ q‖x − y‖ with y = Φ(x)), so it converges, to a fixed point as Φ is
       continuous in the closed box; all fixed points are in it, and two would contradict q < 1.
       It is Lyapunov stable: the first steps keep near orbits near, by continuity, and then they
       are in the box.

    `inequality`: where no condition holds, a quadratic norm is sought in which Φ contracts, by
    linear matrix inequalities (`quadratic_norm`); it takes seconds and the extra "lmi".

    The norms, and their proofs, are those of `Condition` and `conditions`. Spectral radii of the
    layers prove nothing (theorem 6 of Drgoňa et al. 2020): A₀ = [[.5, 10], [0, .5]],
    A₁ = [[.5, 0], [10, .5]] with tanh have ρ = .5 and an orbit from 1e-3·(1, 1) to (.5, 10.5).

    **Raises:** ValueError if the network does not map its inputs to as many outputs, or θ does not
    fit it; ImportError if the extra is needed and missing.
    """
    check_iterable(net)
    net.validate(theta)
    with jax.enable_x64(True):
        theta = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), theta)
        forms: list[Form] = ["incremental"]
        if keeps_origin(net, theta):
            forms.insert(0, "origin")
        passes: list[tuple[Secants, _Where]] = []
        everywhere = whole_space(net.inputs)
        image = everywhere.hull
        for form in forms:
            found = secants(net, theta, everywhere, jnp.asarray(form == "origin"))
            image = image.intersection(found.image)
            passes.append((found, _Where(form)))
        tried = [c for found, where in passes for c in conditions(found, *where)]
        if not any(c.holds for c in tried):
            absorbing, steps = _absorbing(net, theta, image)
            ends = np.asarray(absorbing.lo), np.asarray(absorbing.hi)
            for form in forms if np.isfinite(ends).any() else ():
                found = secants(net, theta, box(absorbing), jnp.asarray(form == "origin"))
                passes.append((found, _Where(form, ends, steps)))
                tried += conditions(found, *passes[-1][1])
        if inequality and not any(c.holds for c in tried):
            for found, where in passes:
                norm = quadratic_norm(net, theta, found.slopes)
                if norm is not None:
                    root, factor = norm
                    form, ends, steps = where
                    tried.append(
                        Condition(form, "inequality", "quadratic", factor, None, root, ends, steps)
                    )
        tried.sort(key=lambda c: (not c.holds, c.factor))
        if not any(c.holds for c in tried):
            return StabilityVerdict(None, tuple(tried), None)
        return StabilityVerdict(True, tuple(tried), _equilibrium(net, theta, tried))


class _Where(NamedTuple):
    form: Form
    box: tuple[np.ndarray, np.ndarray] | None = None
    steps: int | None = 0


def _absorbing(net: Chain, theta: Theta, image: Interval) -> tuple[Interval, int | None]:
    """A box in which every orbit is for ever after so many steps, or finitely many (None)."""
    if any(activation.domain != (-np.inf, np.inf) for activation in net.activations):
        return whole_space(net.inputs).hull, 0  # there are points without orbits
    steps: int | None = 1
    if not bool(jnp.all(jnp.isfinite(image.lo) & jnp.isfinite(image.hi))):
        reached = absorbing_box(net, theta)
        if reached is not None:
            image, steps = image.intersection(reached), None
    for _ in range(_SHRINKING):
        found = secants(net, theta, box(image), jnp.asarray(False))
        smaller = image.intersection(found.image)
        if all(map(np.array_equal, (smaller.lo, smaller.hi), (image.lo, image.hi))):
            break
        image, steps = smaller, steps if steps is None else steps + 1
    return image, steps


def _equilibrium(net: Chain, theta: Theta, tried: list[Condition]) -> tuple[np.ndarray, np.ndarray]:
    if any(c.form == "origin" for c in tried):  # Φ(0) = 0
        return np.zeros(net.inputs), np.zeros(net.inputs)
    x = _settled(net, theta)
    enclosed = Interval(jnp.full(net.inputs, -jnp.inf), jnp.full(net.inputs, jnp.inf))
    for condition in filter(lambda c: c.holds, tried):
        at = x
        if condition.box is not None:
            at = jnp.clip(x, *condition.box)
            enclosed = enclosed.intersection(interval(*condition.box))
        image = secants(net, theta, box(interval(at)), jnp.asarray(False)).image
        enclosed = enclosed.intersection(condition.enclosure(np.asarray(at), image - interval(at)))
    return np.asarray(enclosed.lo), np.asarray(enclosed.hi)


@partial(jax.jit, static_argnames="net", compiler_options=QUICK)
def _settled(net: Chain, theta: Theta) -> Float[Array, " n"]:
    """The end of an orbit, near the fixed point if there is a contraction."""

    def step(_: int, x: Array) -> Array:
        return following(net, theta, x)

    return jax.lax.fori_loop(0, _SETTLING, step, jnp.zeros(net.inputs))
