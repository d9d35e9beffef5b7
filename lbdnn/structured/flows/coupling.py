"""Fields with parametrized weights that split into two parts: of vectors, and of images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...activations import Activation
from ..lipschitz.geometry import Convolution
from ..weights import Parametrization
from .field import Branch, BranchField, Integrator, normal, store_activation
from .filter import Filter, LinearMap, Shape, linear, spaces
from .gradient import WeightAndBias, bias
from .splitting_fields import Energies, Ridges, energy_of


class Halves(NamedTuple):
    """Of the part that moves the first states or channels, and of the one that moves the rest."""

    first: WeightAndBias
    second: WeightAndBias


@dataclass(frozen=True)
class Coupling(BranchField):
    r"""(ẋ, v̇) = (Σ(Av + a), Σ(Bx + b)) with parametrized A and B: `VolumePreserving` for images.

    x are the first states, or the first channels of an image, as many as A has rows or gives
    channels; v are the others. With the steps of `VolumePreserving`, "lie" and "strang".

    **Property:** the flow and the steps Ψ keep volume, det Ψ'(x) = 1, whatever A and B are.

    *Proof.* As for `VolumePreserving`: each part moves x or v by a function of the other.

    Kernels are filled up with zeros to all channels: a part costs as much as a convolution of
    these.

    **Arguments:** `first`, `second`, what makes A and B: any parametrizations, of matrices or, for
    images, of kernels; `activation`. Parameters: `Halves`. `init` draws biases as `GradientFlow`.

    **Raises:** ValueError for weights that do not lead from v to x and back.

    Dinh, Krueger, Bengio (2014, arXiv 1410.8516); Gomez, Ren, Urtasun, Grosse, *The reversible
    residual network* (2017, arXiv 1707.04585).
    """

    first: Parametrization
    second: Parametrization
    activation: str | Activation = "tanh"
    n: int = field(init=False, repr=False)

    integrators: ClassVar[tuple[Integrator, ...]] = ("lie", "strang")

    def __post_init__(self) -> None:
        store_activation(self)
        there, back = spaces(self.first), spaces(self.second)
        if there != back[::-1] or there[0][1:] != there[1][1:]:
            raise ValueError(
                "the first weight maps the second part of the states to the first, and the second "
                "one back, between images of one size; they map "
                f"{there[0]} to {there[1]} and {back[0]} to {back[1]}"
            )
        object.__setattr__(self, "n", math.prod(self.shape))

    @property
    def shape(self) -> Shape:
        """Of the states."""
        other, own = spaces(self.first)
        return own[0] + other[0], *own[1:]

    def init(self, key: Array) -> Halves:
        """Random parameters."""
        keys = jax.random.split(key, 4)
        return Halves(
            WeightAndBias(self.first.init(keys[0]), bias(keys[1], self.first)),
            WeightAndBias(self.second.init(keys[2]), bias(keys[3], self.second)),
        )

    def branches(self, parameters: Halves) -> tuple[Branch, ...]:
        """(Σ(Av + a), 0) and (0, Σ(Bx + b)), on all states."""
        k, whole = spaces(self.first)[1][0], self.shape[0]
        first = linear(self.first, parameters.first.weight)
        second = linear(self.second, parameters.second.weight)
        return (
            Branch(_reading(first, k, 0), parameters.first.bias, _writing(first, 0, whole)),
            Branch(
                _reading(second, 0, whole - k), parameters.second.bias, _writing(second, k, whole)
            ),
        )


@dataclass(frozen=True)
class SymplecticCoupling(BranchField):
    r"""q̇ = ∇T(p), ṗ = −∇V(q) with parametrized K and L: `Hamiltonian` for images, x = (q, p).

    ∇T(p) = KᵀD_aΣ(Kp + k), ∇V(q) = LᵀD_cΣ(Lq + l), the gradients of sums over all hidden units of
    heights times ∫₀^{Kp+k} ς. q is the first half of the states, or of the channels of an image, p
    the other; for images biases and heights are one number a hidden channel. With the steps of
    `Hamiltonian`, "strang" and "lie".

    **Property:** the steps Ψ are symplectic, Ψ'ᵀΩΨ' = Ω with Ω = [[0, I], [−I, 0]], whatever K and
    L are.

    *Proof.* As for `Hamiltonian`: KᵀD_aD_ς'K is symmetric for the linear map K of a kernel, too, of
    which `Filter.T` is the adjoint.

    Kernels are filled up with zeros to all channels, as those of `Coupling`.

    **Arguments:** `kinetic`, `potential`, what makes K and L: any parametrizations, of matrices or,
    for images, of kernels; `activation`. Parameters: `Energies`. `init` draws biases as
    `GradientFlow`, heights from N(0, 1/m), m their number.

    **Raises:** ValueError for weights that act on different spaces.

    Jin et al., *SympNets* (2020, arXiv 2001.03750); for images Celledoni et al. (2022, arXiv
    2210.02373).
    """

    kinetic: Parametrization
    potential: Parametrization
    activation: str | Activation = "tanh"
    n: int = field(init=False, repr=False)

    integrators: ClassVar[tuple[Integrator, ...]] = ("strang", "lie")

    def __post_init__(self) -> None:
        store_activation(self)
        both = spaces(self.kinetic)[0], spaces(self.potential)[0]
        if both[0] != both[1]:
            raise ValueError(
                "one weight acts on the positions and the other on as many momenta; they act on "
                f"{both[1]} and {both[0]}"
            )
        object.__setattr__(self, "n", math.prod(self.shape))

    @property
    def shape(self) -> Shape:
        """Of the states."""
        half, *image = spaces(self.kinetic)[0]
        return 2 * half, *image

    def init(self, key: Array) -> Energies:
        """Random parameters."""

        def ridges(key: Array, weight: Parametrization) -> Ridges:
            keys = jax.random.split(key, 3)
            heights = normal(keys[2], 1, weight.shape[0])[0][0]
            return Ridges(weight.init(keys[0]), bias(keys[1], weight), heights)

        first, second = jax.random.split(key)
        return Energies(ridges(first, self.kinetic), ridges(second, self.potential))

    def branches(self, parameters: Energies) -> tuple[Branch, ...]:
        """(∇T(p), 0) and (0, −∇V(q)), on all states."""
        d = self.shape[0] // 2
        (first, one, a), (second, other, c) = parameters
        k, v = linear(self.kinetic, first), linear(self.potential, second)
        return (
            Branch(_reading(k, d, 0), one, _reading(_times(a, k), 0, d).T),
            Branch(_reading(v, 0, d), other, -_reading(_times(c, v), d, 0).T),
        )

    def energy(
        self, parameters: Energies, x: Float[Array, "*n"], *, nodes: int = 32
    ) -> Float[Array, ""]:
        """H(x) − H(0), by `potential` of ∇H."""
        return energy_of(self, parameters, x, nodes=nodes)


def _times(heights: Float[Array, " m"], a: LinearMap) -> LinearMap:
    """D_a A."""
    if isinstance(a, Filter):
        return Filter(heights[:, None, None, None] * a.kernel, a.convolution)
    return heights[:, None] * a


def _reading(a: LinearMap, before: int, after: int) -> LinearMap:
    """A applied to some of the states: those before and after do not count."""
    if isinstance(a, Filter):
        kernel = jnp.pad(a.kernel, ((0, 0), (before, after), (0, 0), (0, 0)))
        return Filter(kernel, a.convolution)
    return jnp.pad(a, ((0, 0), (before, after)))


def _writing(a: LinearMap, start: int, whole: int) -> LinearMap:
    """What A gives, as states from `start` on, the others 0."""
    if isinstance(a, Filter):
        rows = a.kernel.shape[0]
        kernel = jnp.eye(whole, rows, -start, a.kernel.dtype)[:, :, None, None]
        return Filter(kernel, Convolution(a.convolution.output, (1, 1)))
    return jnp.eye(whole, a.shape[0], -start, a.dtype)
