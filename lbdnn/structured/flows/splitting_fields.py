"""Fields that split into parts whose flows are known: of constant volume, and Hamiltonian."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...activations import Activation
from ..weights.parametrization import shaped, store_sizes
from .decomposition import potential
from .field import Branch, BranchField, Integrator, normal, store_activation
from .skew_fields import Neurons, store_several


class TwoParts(NamedTuple):
    """Of the part that moves the first states, and of the one that moves the rest."""

    first: Neurons
    second: Neurons


@dataclass(frozen=True)
class VolumePreserving(BranchField):
    r"""(ẋ, v̇) = (Σ(Av + a), Σ(Bx + b)), x the first ⌊n/2⌋ states, v the others.

    With steps that compose the flows of its two parts: "lie", x' = x + hΣ(Av + a), then
    v' = v + hΣ(Bx' + b), of order 1; "strang", half a step of the first part before and after a
    whole one of the second, symmetric, of order 2.

    **Property:** the flow and the steps Ψ keep volume, det Ψ'(x) = 1.

    *Proof.* The divergence is 0, as ẋ does not depend on x nor v̇ on v. Each part is constant along
    its own flow, which therefore is an explicit shear: its derivative is unit triangular up to
    order, of determinant 1.

    Explicit Euler steps of the whole field do not: det(I + hX') = 1 − h²ς'ς'AB for n = 2.

    **Arguments:** `n` ≥ 2, and by keyword `activation`. Parameters: `TwoParts`. `init` draws from
    N(0, 1/n_i), n_i the number of columns.

    **Raises:** ValueError for a size that is no integer above 1: one state of constant volume only
    moves by constants.

    Celledoni et al. (2022, arXiv 2210.02373); Dinh, Krueger, Bengio (2014, arXiv 1410.8516).
    """

    n: int
    _: KW_ONLY
    activation: str | Activation = "tanh"

    integrators: ClassVar[tuple[Integrator, ...]] = ("lie", "strang")

    def __post_init__(self) -> None:
        store_several(self)
        store_activation(self)

    def init(self, key: Array) -> TwoParts:
        """Random parameters."""
        k = self.n // 2
        first, second = jax.random.split(key)
        return TwoParts(
            Neurons(*normal(first, k, self.n - k)), Neurons(*normal(second, self.n - k, k))
        )

    def branches(self, parameters: TwoParts) -> tuple[Branch, ...]:
        """(Σ(Av + a), 0) and (0, Σ(Bx + b)), on all states."""
        k = self.n // 2
        select = jnp.eye(self.n, dtype=parameters.first.weight.dtype)
        (a, offset), (b, other) = parameters
        return (
            Branch(jnp.pad(a, ((0, 0), (k, 0))), offset, select[:, :k]),
            Branch(jnp.pad(b, ((0, 0), (0, self.n - k))), other, select[:, k:]),
        )


class Ridges(NamedTuple):
    """Of Σ_i a_i ∫₀^{(Kz+k)_i} ς: `weight` K, (m, d), or what a parametrization makes K from,
    `bias` k, `heights` a."""

    weight: Any
    bias: Float[Array, " m"]
    heights: Float[Array, " m"]


class Energies(NamedTuple):
    """Of T(p) and of V(q)."""

    kinetic: Ridges
    potential: Ridges


@dataclass(frozen=True)
class Hamiltonian(BranchField):
    r"""q̇ = ∇T(p), ṗ = −∇V(q), with ∇T(p) = KᵀD_aΣ(Kp + k), and ∇V alike; n = 2d, x = (q, p).

    With steps that compose the flows of T and of V: "lie" is symplectic Euler, q' = q + h∇T(p),
    p' = p − h∇V(q'), of order 1; "strang" is Störmer and Verlet's, of order 2.

    **Property:** steps Ψ are symplectic, Ψ'ᵀΩΨ' = Ω with Ω = [[0, I], [−I, 0]].

    *Proof.* The step of T has the derivative [[I, hT''], [0, I]] with a symmetric T'' = KᵀD_aD_ς'K,
    and [[I, 0], [hT'', I]]Ω[[I, hT''], [0, I]] = [[0, I], [−I, hT'' − hT'']] = Ω; so for V.
    Compositions of symplectic maps are symplectic.

    **Not a property:** that H = T + V is constant under the steps. Its error stays of the order h
    ("lie") or h² ("strang") over very long times, if H is analytic and orbits stay bounded (Hairer,
    Lubich, Wanner 2006, *Geometric Numerical Integration*, theorem IX.8.1); `energy` measures it.

    **Arguments:** `n` even, `width` m, and by keyword `activation`. Parameters: `Energies`. `init`
    draws K and k from N(0, 1/d), a from N(0, 1/m).

    **Raises:** ValueError for sizes that are no positive integers, and an odd n.

    Jin et al., *SympNets* (2020, arXiv 2001.03750), gradient modules.
    """

    n: int
    width: int
    _: KW_ONLY
    activation: str | Activation = "tanh"

    integrators: ClassVar[tuple[Integrator, ...]] = ("strang", "lie")

    def __post_init__(self) -> None:
        store_sizes(self, "n", "width")
        if self.n % 2:
            raise ValueError(f"n must be even, as many positions as momenta; got {self.n}")
        store_activation(self)

    def init(self, key: Array) -> Energies:
        """Random parameters."""

        def ridges(key: Array) -> Ridges:
            first, second = jax.random.split(key)
            inner = normal(first, self.width, self.n // 2)
            return Ridges(*inner, normal(second, 1, self.width)[0][0])

        first, second = jax.random.split(key)
        return Energies(ridges(first), ridges(second))

    def branches(self, parameters: Energies) -> tuple[Branch, ...]:
        """(∇T(p), 0) and (0, −∇V(q))."""
        d = self.n // 2
        (first, one, a), (second, other, c) = parameters
        rate, force = (a[:, None] * first).T, -(c[:, None] * second).T
        return (
            Branch(jnp.pad(first, ((0, 0), (d, 0))), one, jnp.pad(rate, ((0, d), (0, 0)))),
            Branch(jnp.pad(second, ((0, 0), (0, d))), other, jnp.pad(force, ((d, 0), (0, 0)))),
        )

    def energy(
        self, parameters: Energies, x: Float[Array, " n"], *, nodes: int = 32
    ) -> Float[Array, ""]:
        """H(x) − H(0), by `potential` of ∇H."""
        return energy_of(self, parameters, x, nodes=nodes)


def energy_of(
    field: BranchField, parameters: Any, x: Float[Array, "*n"], *, nodes: int
) -> Float[Array, ""]:
    """H(x) − H(0) of a field q̇ = ∂H/∂p, ṗ = −∂H/∂q, by `potential` of ∇H."""

    def gradient(x: Float[Array, " n"]) -> Float[Array, " n"]:
        rate = field(parameters, x.reshape(field.shape)).ravel()
        return jnp.concatenate([-rate[rate.size // 2 :], rate[: rate.size // 2]])

    return potential(gradient, shaped(x, field.shape, "state").ravel(), nodes=nodes)
