"""What the slides say of volume, of mass, and of residual networks as Euler steps."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.claims.claim import Claim
from experiments.claims.integration import runge_kutta
from experiments.claims.random_parameters import random_parameters
from experiments.claims.sources import SLIDES
from lbdnn import ResidualNetwork
from lbdnn.structured import flows

# States y of the example with y₁ + y₂ + y₃ constant.
STATES = np.random.default_rng(0).uniform(-1, 1, (40, 3))
TIME = 0.5


def volume() -> Claim:
    field = flows.VolumePreserving(4)
    layer = flows.Layer(field, step=1.0, integrator="lie")

    @jax.vmap
    def defects(own: Any, x: Any) -> Any:
        slope = jax.jacfwd(partial(field, own))(x)
        return (
            flows.volume_defect(partial(layer, own), x),
            flows.volume_defect(lambda x: x + field(own, x), x),
            jnp.abs(jnp.trace(slope)),
        )

    plane = flows.VolumePreserving(2)
    shears = flows.Layer(plane, step=1.0, integrator="lie")

    def at_zero(own: Any) -> Any:
        zero = jnp.zeros(2)
        return (
            jax.jacfwd(partial(shears, own))(zero),
            jax.jacfwd(lambda x: x + plane(own, x))(zero),
        )

    with jax.enable_x64(True):
        points = np.random.default_rng(0).normal(size=(200, 4))
        found = jax.jit(defects)(random_parameters(field, 200), points)
        splitting, euler, divergence = map(np.asarray, found)
        ones = flows.Neurons(jnp.ones((1, 1)), jnp.zeros(1))
        sheared, collapsed = map(np.asarray, jax.jit(at_zero)(flows.TwoParts(ones, ones)))
    return Claim(
        "volume-is-kept",
        f"{SLIDES}, volume preservation",
        "X(x, v) = (Σ(Av + a), Σ(Bx + b)) preserves volume, and so does x' = x + hΣ(Av + a), "
        "v' = v + hΣ(Bx' + b).",
        "True if the divergence of X is 0 and the derivative of the step has the determinant 1 for "
        "all A, B, a, b, h and differentiable Σ; measured, to rounding.",
        "holds",
        "ẋ does not depend on x nor v̇ on v, so div X = 0. The step is one shear after the other, "
        "with the derivatives [[I, hD_vA], [0, I]] and [[I, 0], [hD_xB, I]], of determinant 1 "
        "each. It is the integrator that keeps it: for n = 2 the Euler step of the same X has the "
        "determinant 1 − h²ς'ς'AB, and for A = B = h = 1 and ς'(0) = 1 it maps a neighbourhood of "
        "0 to one of volume 0 to first order. Constant volume is no stability: there the "
        "splitting step has the derivative [[1, 1], [1, 2]], and stretches by 2.618.",
        "",
        {
            "200 random fields and points, n = 4, tanh, h = 1": {
                "largest |det − 1| of the splitting step": float(splitting.max()),
                "median |det − 1| of the Euler step": float(np.median(euler)),
                "largest |det − 1| of the Euler step": float(euler.max()),
                "largest |div X|": float(divergence.max()),
            },
            "A = B = h = 1, tanh, at 0": {
                "derivative of the splitting step": sheared.tolist(),
                "|λ| of it": sorted(np.abs(np.linalg.eigvals(sheared)).tolist(), reverse=True),
                "derivative of the Euler step": collapsed.tolist(),
                "det of it": float(np.linalg.det(collapsed)),
            },
        },
    )


def reaction(y: np.ndarray) -> np.ndarray:
    """The example of the slides, S(y)1 with S = −Sᵀ."""
    first, second, third = np.moveaxis(y, -1, 0)
    a, b, c = third * first**2, second * third, np.sin(first)
    return np.stack([b - a, a - c, c - b], -1)


def ridges(neurons: int) -> list[tuple[np.ndarray, float, np.ndarray]]:
    """Terms σ(u·y + β)c(e_i − e_j) whose sum is near the example: (u, β, c(e_i − e_j)) each.

    By least squares, with a little regularization, on a box about the orbits, for random u and β.
    """
    rng = np.random.default_rng(1)
    states = rng.uniform(-1.5, 1.5, (600, 3))
    weights, biases = rng.normal(size=(neurons, 3)), rng.uniform(-1, 1, neurons)
    hidden = np.tanh(states @ weights.T + biases)
    pairs = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])
    # Vectors (f₁, f₂, f₃) of sum 0 are f₁(e₁ − e₂) − f₃(e₂ − e₃).
    along = reaction(states)[:, [0, 2]] * [1, -1]
    system = np.vstack([hidden, 0.1 * np.eye(neurons)])
    found = np.linalg.lstsq(system, np.vstack([along, np.zeros((neurons, 2))]), rcond=None)[0]
    return [
        (weights[k], biases[k], found[k, pair] * pairs[pair])
        for k in range(neurons)
        for pair in range(2)
    ]


def composed(
    terms: list[tuple[np.ndarray, float, np.ndarray]], y: np.ndarray, sweeps: int
) -> np.ndarray:
    """After sweeps of Euler steps of the terms in turn, there and back, to the time TIME."""
    for _ in range(sweeps):
        for weight, bias, direction in (*terms, *reversed(terms)):
            y = y + TIME / (2 * sweeps) * np.tanh(y @ weight + bias)[:, None] * direction
    return y


def mass() -> Claim:
    field = flows.MassPreserving(3)
    with jax.enable_x64(True):
        layer = flows.Layer(field, step=1.0)

        def defect(own: Any, y: Any) -> Any:
            return flows.sum_defect(partial(layer, own), y)

        steps = np.asarray(jax.jit(jax.vmap(defect))(random_parameters(field, 40), STATES))
    exact = runge_kutta(reaction, STATES, TIME, 200)
    far = reaction(np.array([3.0, 0.0, 3.0]))
    errors, drift = {}, 0.0
    for neurons, sweeps in ((10, 8), (40, 16), (160, 32)):
        reached = composed(ridges(neurons), STATES, sweeps)
        errors[f"{neurons} neurons a pair, {sweeps} sweeps"] = _farthest(reached, exact)
        drift = max(drift, float(np.max(np.abs((reached - STATES).sum(1)))))
    return Claim(
        "mass-is-kept",
        f"{SLIDES}, mass-preserving networks",
        "ẋ = (A_θ(x) − A_θ(x)ᵀ)1 with vec A_θ(x) = Σ(Ux + u) keeps Σx_i, as does the example "
        "ẏ = S(y)1 with three substances; networks of such steps can stand for its flow.",
        "The first part is true if every field and its Euler steps keep the sum; measured, to "
        "rounding. The second is true if compositions of steps of the family come as near to the "
        "flow of the example as wanted, on bounded sets.",
        "holds",
        "1ᵀ(M − Mᵀ)1 = 0, as it equals minus its transpose, and an Euler step adds a multiple of "
        "the field. The example is no member of the family for bounded Σ: (A_θ − A_θᵀ)1 has "
        "entries of at most 2(n − 1) sup|ς|, 4 for tanh, and the example has 27 at (3, 0, 3). But "
        "σ(u·x + β)(e_i − e_j) is a member (other entries of A_θ cancel), steps have any length, "
        "sums of such terms are dense in the continuous fields of sum 0 on a bounded set "
        "(Cybenko 1989), and steps of one term after the other follow the flow of their sum "
        "(Lie and Trotter). Many layers do what one field cannot.",
        "",
        {
            "largest change of the sum by a random step, n = 3, h = 1": float(steps.max()),
            "the example": {
                "largest change of the sum by its flow": float(
                    np.max(np.abs((exact - STATES).sum(1)))
                ),
                "at (3, 0, 3)": far.tolist(),
                "largest way within 0.5 units of time from [−1, 1]³": _farthest(exact, STATES),
                "largest distance of compositions of tanh steps from the flow": errors,
                "largest change of the sum by them": drift,
            },
        },
    )


def euler() -> Claim:
    net = ResidualNetwork((3,), blocks=3, hidden=(5,), preactivation=False)
    field = flows.Residual(3, 5)
    flow = flows.Flow((flows.Layer(field, step=1.0),) * 3)

    def both(own: Any, theta: Any, x: Any) -> Any:
        return flow(own, x), net(theta, x)

    with jax.enable_x64(True):
        drawn = random_parameters(field, 3)
        own = tuple(jax.tree.map(lambda v, i=i: v[i], drawn) for i in range(3))
        theta = net.with_weights([block for each in own for block in _stored(each)])
        steps, blocks = jax.jit(jax.vmap(both, (None, None, 0)))(own, theta, STATES)
    exact = STATES
    for each in own:
        exact = runge_kutta(partial(_branch, each), exact, 1.0, 200)
    distances = {}
    for count in (1, 16, 32, 64):
        refined = STATES
        for each in own:
            for _ in range(count):
                refined = refined + _branch(each, refined) / count
        distances[count] = _farthest(refined, exact)
    ratios = [a / b for a, b in pairwise(distances.values())][1:]
    return Claim(
        "resnet-is-euler",
        f"{SLIDES}, what are neural networks",
        "A residual network, layers x + BΣ(Ax + b), is a composition of numerical flows: explicit "
        "Euler steps of ẋ = BΣ(A(t)x + b(t)), with parameters constant on intervals of time.",
        "True if both give the same values for all parameters; measured, to rounding. That such a "
        "network then has what flows have is another claim: false if it has not.",
        "holds",
        "It is the definition of the step, for h = 1 or with h taken into B. The steps need not be "
        "near the flow, though, nor have its properties: flows are invertible, and "
        "x ↦ x − 2ReLU(x) maps 1 and −1 to −1. Near the flow they come with shorter steps, "
        "at first order.",
        "",
        {
            "largest difference of a ResNet of three blocks and three Euler steps": float(
                np.max(np.abs(np.asarray(steps) - np.asarray(blocks)))
            ),
            "its largest distance from the flow, by Euler steps a block": distances,
            "ratios of the last ones": ratios,
            "x − 2ReLU(x) at 1 and −1": [x - 2 * max(x, 0.0) for x in (1.0, -1.0)],
            "flow of −2ReLU(x) at time 1 from 1 and −1": [float(np.exp(-2.0)), -1.0],
        },
    )


def _stored(block: flows.HiddenLayer) -> tuple[np.ndarray, np.ndarray]:
    """Weights of a block as those of a residual network, the bias last; none after B."""
    inner, bias, outer = block
    return np.column_stack([inner, bias]), np.column_stack([outer, np.zeros(len(outer))])


def _branch(block: flows.HiddenLayer, x: np.ndarray) -> np.ndarray:
    """BΣ(Ax + b) for rows x."""
    return np.tanh(x @ block.inner.T + block.bias) @ block.outer.T


def _farthest(ends: np.ndarray, others: np.ndarray) -> float:
    return float(np.max(np.linalg.norm(ends - others, axis=1)))
