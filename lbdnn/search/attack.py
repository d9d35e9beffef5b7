"""The other side of a bound: the largest value found by ascent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..networks import Affine, Chain, Operation, Pointwise
from ..sets import InputRegion, ParameterRegion

Weights = list[Array]


# Step lengths grow after a success and shrink after a failure.
_GROW, _SHRINK = 1.3, 0.4


class Witness(NamedTuple):
    """Where a value is attained: value = ‖T(σ, θ)[directions]‖ with unit directions."""

    value: Float[Array, ""]
    sigma: Float[Array, " n"]
    weights: Weights
    directions: tuple


def form(
    net: Chain, quantity: str, sigma: Array, weights: Weights, directions: tuple
) -> Float[Array, " m"]:
    """The multilinear form whose largest norm over unit directions is the quantity, (m,).

    value: Φ; jacobian: Φ'[E]; hessian: Φ''[E, F]; input_jacobian: (∂Φ/∂σ)[v]. By Banach's
    theorem the symmetric form Φ'' has the same norm over pairs (E, F) as over E = F, so
    ‖Φ''[E, F]‖ is a lower bound of the operator norm for any unit E, F.
    """

    def phi(w: Weights, s: Array) -> Array:
        return net.at(w, s)

    if quantity == "value":
        return phi(weights, sigma)
    if quantity == "input_jacobian":
        (direction,) = directions
        return jax.jvp(lambda s: phi(weights, s), (sigma,), (direction,))[1]

    def along(direction: Weights) -> Callable[[Weights], Array]:
        return lambda w: jax.jvp(lambda v: phi(v, sigma), (w,), (direction,))[1]

    if quantity == "jacobian":
        return along(directions[0])(weights)
    assert quantity == "hessian"
    return jax.jvp(along(directions[0]), (weights,), (directions[1],))[1]


@dataclass(frozen=True)
class Attack:
    r"""Multi-start ascent over σ, θ and the directions of the derivative.

    Each start repeats: the output direction u and one of the directions take their best values
    given the others (a step of the higher-order power method: the form is linear in each), while
    σ and θ take a projected gradient step, longer after a success and shorter after a failure.
    Starts: corners of the box and random points, with θ from the sphere, the centre, and chained
    rank-one perturbations that keep pre-activations near zero (where slopes are largest).

    What it returns is *attained* at the returned witness, so it is a lower bound, whatever the
    ascent did.

    **Arguments:**

    - `starts`: how many, `steps`: of each.
    - `seed`: of the random starts.
    """

    starts: int = 48
    steps: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.starts, self.steps) < 1:
            raise ValueError(f"an attack needs at least one start and one step; got {self}")

    def __call__(
        self, net: Chain, quantity: str, inputs: InputRegion, parameters: ParameterRegion
    ) -> Witness:
        """The best witness; a leading axis on every leaf of both regions gives one for each.

        Compiled once for a network and a quantity; in float64, whatever JAX's global setting.
        """
        with jax.enable_x64(True):
            starts = _starts(self, net, inputs, parameters)
            return _best(self, net, quantity, inputs, parameters, starts)


class Start(NamedTuple):
    """A point, and unit directions of which a quantity takes as many as it needs."""

    sigma: Float[Array, " n"]
    weights: Weights
    along_sigma: Float[Array, " n"]
    along_theta: tuple[Weights, Weights]


@partial(jax.jit, static_argnums=(0, 1))
def _starts(attack: Attack, net: Chain, inputs: InputRegion, parameters: ParameterRegion) -> Start:
    # One call for all random numbers: each one compiled costs as much as a layer.
    count = 2 * net.inputs + sum(a.n_in + a.n_out for a in net.affine) + 3 * net.size
    noise = jax.random.normal(jax.random.key(attack.seed), (attack.starts, count))
    index = jnp.arange(attack.starts)

    def one(inputs: InputRegion, parameters: ParameterRegion) -> Start:
        return jax.vmap(partial(_start, net, inputs, parameters))(index, noise)

    return (jax.vmap(one) if inputs.lo.ndim == 2 else one)(inputs, parameters)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _best(
    attack: Attack,
    net: Chain,
    quantity: str,
    inputs: InputRegion,
    parameters: ParameterRegion,
    starts: Start,
) -> Witness:
    lengths = jnp.asarray([1.0, 0.3, 0.1, 0.03])[jnp.arange(attack.starts) % 4]

    def one(inputs: InputRegion, parameters: ParameterRegion, starts: Start) -> Witness:
        climb = partial(_climb, net, quantity, inputs, parameters, attack.steps)
        found = jax.vmap(climb)(starts, lengths)
        top = jnp.argmax(found.value)
        return jax.tree.map(lambda leaf: leaf[top], found)

    return (jax.vmap(one) if inputs.lo.ndim == 2 else one)(inputs, parameters, starts)


def _climb(
    net: Chain,
    quantity: str,
    inputs: InputRegion,
    parameters: ParameterRegion,
    steps: int,
    start: Start,
    length: Array,
) -> Witness:
    def objective(point: tuple, u: Array) -> tuple[Array, Array]:
        value = form(net, quantity, *point)
        return jnp.vdot(u, value), value

    half = (inputs.hi - inputs.lo) / 2
    reach = parameters.reach()

    def step(i: Array, state: tuple) -> tuple:
        best, gradients, point, u, pace = state
        fresh, value = jax.grad(objective, has_aux=True)(point, u)
        size = jnp.linalg.norm(value)
        better = size > best.value
        best, gradients, u = jax.tree.map(
            partial(jnp.where, better),
            (Witness(size, *point), fresh, _unit(value)),
            (best, gradients, u),
        )
        pace = jnp.where(better, jnp.minimum(_GROW * pace, 1.0), _SHRINK * pace)

        g_sigma, g_weights, g_directions = gradients
        towards = g_sigma * half
        towards = half * towards / _positive(jnp.max(jnp.abs(towards)))
        scale = pace * reach / _positive(_norm(g_weights))
        sigma = inputs.project(best.sigma + pace * towards)
        weights = parameters.project(
            [w + scale * g for w, g in zip(best.weights, g_weights, strict=True)]
        )
        # One direction a step: each is then the best for the others, so the value cannot fall.
        directions = tuple(
            jax.tree.map(partial(jnp.where, i % len(g_directions) == turn), _turned(g, d), d)
            for turn, (g, d) in enumerate(zip(g_directions, best.directions, strict=True))
        )
        return best, gradients, (sigma, weights, directions), u, pace

    directions = {
        "value": (),
        "input_jacobian": (start.along_sigma,),
        "jacobian": start.along_theta[:1],
        "hessian": start.along_theta,
    }[quantity]
    point = (start.sigma, start.weights, directions)
    value = form(net, quantity, *point)
    u = jnp.where(jnp.linalg.norm(value) > 0, _unit(value), 1 / jnp.sqrt(value.size))
    gradients = jax.tree.map(jnp.zeros_like, point)
    none = Witness(jnp.full((), -1.0), *point)
    return jax.lax.fori_loop(0, steps, step, (none, gradients, point, u, length))[0]


def _start(
    net: Chain,
    inputs: InputRegion,
    parameters: ParameterRegion,
    index: Array,
    noise: Array,
) -> Start:
    n = net.inputs
    sizes = [n, n, *(size for a in net.affine for size in (a.n_in, a.n_out))]
    first, second, *chain = _pieces(noise, sizes)
    matrices = _pieces(noise[sum(sizes) :], [net.size] * 3)
    shapes = [w.shape for w in parameters.center]
    unit = [_matrices(_unit(m), shapes) for m in matrices]

    # Corners in turn (as many as the starts allow), every fourth start anywhere inside.
    bits = (index // 2 >> jnp.arange(n) % 30) & 1
    bits = jnp.where(jnp.arange(n) < 30, bits == 1, first > 0)
    corner = jnp.where(bits, inputs.hi, inputs.lo)
    share = jax.scipy.stats.norm.cdf(first)
    inside = inputs.lo + (inputs.hi - inputs.lo) * share
    sigma = inputs.project(jnp.where(index % 4 == 3, inside, corner))

    random = [c + parameters.reach() * d for c, d in zip(parameters.center, unit[0], strict=True)]
    chained = _chained(net, sigma, parameters, chain)
    weights = [
        jnp.where(index % 3 == 0, chain, jnp.where(index % 3 == 1, center, point))
        for chain, center, point in zip(chained, parameters.center, random, strict=True)
    ]
    weights = parameters.project(weights)

    return Start(sigma, weights, _unit(second), (unit[1], unit[2]))


def _chained(net: Chain, sigma: Array, parameters: ParameterRegion, noise: list[Array]) -> Weights:
    """Weights with E_l ∝ q_{l+1} q_lᵀ along chained directions, q_{l+1} near W_l q_l / ‖W_l q_l‖.

    The biases cancel the pre-activations, so that slopes are those at 0 and the gains of the
    layers multiply; in the last hidden layer one neuron sits where |ς''| is largest. The first
    layer is not amplified: a perturbation of its own parameters starts behind it. At most half
    of the squared radius goes into the biases; the amplified layers share what is left.
    """
    steps = net.steps(net.with_weights(parameters.center))
    hidden = [at for at, (operation, _) in enumerate(steps) if isinstance(operation, Pointwise)]
    affine = [at for at, (operation, _) in enumerate(steps) if isinstance(operation, Affine)]
    end = hidden[-1] if hidden else -1
    last = max((at for at in affine if at < end), default=-1)

    moves: dict[int, Array] = {}
    for at, draw in zip(affine, noise[1::2], strict=True):
        operation, own = steps[at]
        assert isinstance(operation, Affine)
        if operation.bias and at < end:
            target = jnp.zeros(operation.n_out)
            if at == last:
                target = jnp.where(draw == jnp.max(draw), _peak(steps[end][0]), target)
            x = sigma if at == affine[0] else jnp.zeros(operation.n_in)
            moves[at] = target - operation.apply(own, x)
    reach = parameters.reach()
    need = _norm(moves) if moves else jnp.zeros(())
    share = jnp.minimum(1.0, reach * jnp.sqrt(0.5) / _positive(need))
    left = jnp.sqrt(jnp.maximum(reach**2 - (share * need) ** 2, 0.0))
    gain = left / jnp.sqrt(max(len(affine) - 1, 1))

    weights: Weights = []
    q = jnp.ones(0)
    for at, entry, draw in zip(affine, noise[::2], noise[1::2], strict=True):
        operation, own = steps[at]
        assert isinstance(operation, Affine)
        if q.size != operation.n_in:
            q = _unit(entry)
        weight = operation.weight(own)
        out = _unit(weight @ q + 0.3 * _unit(draw))
        if at == last:
            out = _unit(jnp.where(draw == jnp.max(draw), 1.0, 0.1 * out))
        if at != affine[0]:
            weight = weight + gain * jnp.outer(out, q)
        if operation.bias:
            bias = own[:, -1] + share * moves.get(at, jnp.zeros(operation.n_out))
            weight = jnp.concatenate([weight, bias[:, None]], 1)
        weights.append(weight)
        q = out
    return weights


def _peak(operation: Operation) -> float:
    """Where the activation's |ς''| is largest, if that is at a point; else 0."""
    assert isinstance(operation, Pointwise)
    finite = [(abs(v), z) for z, v in operation.activation.extremes[2] if math.isfinite(v)]
    return max(finite, default=(0.0, 0.0))[1]


def _turned(gradient: Any, direction: Any) -> Any:
    """The unit direction along the gradient; the old one where the gradient vanishes."""
    size = _norm(gradient)
    return jax.tree.map(
        lambda g, d: jnp.where(size > 0, g / _positive(size), d), gradient, direction
    )


def _unit(v: Array) -> Array:
    return v / _positive(jnp.linalg.norm(v))


def _pieces(vector: Array, sizes: Sequence[int]) -> list[Array]:
    ends = np.cumsum(sizes)
    return [vector[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _matrices(vector: Array, shapes: Sequence[tuple[int, ...]]) -> Weights:
    pieces = _pieces(vector, [math.prod(shape) for shape in shapes])
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]


def _norm(tree: object) -> Array:
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))


def _positive(x: Array) -> Array:
    return jnp.where(x > 0, x, 1.0)
