"""Inequalities at the corners of the slopes' box hold in the whole box."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import Ball, Box, FullyConnected
from lbdnn.bounds.dissipativity.assembly import stages_of
from lbdnn.bounds.dissipativity.budget_levels import levels
from lbdnn.bounds.dissipativity.corners import cases, corners_of
from lbdnn.bounds.dissipativity.multipliers import hessian_start, jacobian_start
from lbdnn.bounds.dissipativity.reach import enclosures
from lbdnn.bounds.dissipativity.storage import hessian_chain, jacobian_chain
from lbdnn.compilation import QUICK

RNG = np.random.default_rng(0)


def test_corners_are_all_or_none():
    found = corners_of(3, 4, 6)
    assert found.shape == (8, 4) and len(np.unique(found, axis=0)) == 8
    assert np.all(found[:, 3] == 0) and set(found.ravel()) == {0.0, 1.0}
    assert corners_of(10, 10, 1).shape == (0, 10)


OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in ("logistic", "softplus")]


@pytest.fixture(scope="module", params=["tanh", *OTHERS])
def solved(request):
    """A network, its layers on two levels, and chains with the multipliers that a descent starts
    from, moved at random."""
    net = FullyConnected((2, 3, 3, 2), request.param)
    theta = net.init(jax.random.key(3))

    def found():
        inputs, parameters = (
            Box(-1.0, 1.0).input_region(net),
            Ball(0.4).parameter_region(net, theta),
        )
        layers = stages_of(net, enclosures(net, inputs, parameters, 2), parameters)
        grid, (count, _, bends, _) = levels(2), layers.stages.bends.shape
        starts = (
            hessian_start(grid, layers.corners, count, bends),
            jacobian_start(grid, layers.corners, count),
        )
        rng = np.random.default_rng(1)
        starts = jax.tree.map(lambda x: x + 0.5 * rng.standard_normal(x.shape), starts)
        return (
            layers,
            hessian_chain(grid, layers, starts[0]),
            jacobian_chain(grid, layers, starts[1]),
        )

    with jax.enable_x64(True):
        return net, theta, *jax.jit(found, compiler_options=QUICK)()


def test_squares_bound_the_norm(solved):
    net, theta, layers, *_ = solved
    with jax.enable_x64(True):
        x = jnp.asarray(RNG.uniform(-1, 1, (500, 2)))
        weights = [np.asarray(w, float) for w in net.weights(theta)]
        s = np.asarray(x)
        for j, v in enumerate(weights[:-1]):
            z = np.hstack([s, np.ones((500, 1))]) @ v.T
            s, slope = (np.asarray(net.activations[0].derivative(k, z)) for k in (0, 1))
            stage = jax.tree.map(lambda leaf, i=j: leaf[i], layers.stages)
            fall = np.asarray(stage.fall)[: s.shape[1]]
            norm = 1 + np.sum(s**2, 1)
            assert np.all(norm <= float(stage.most[-1]) - slope @ fall + 1e-12)


def sup(form, weight, stiffness):
    """sup_q (Wv + q)ᵀX(Wv + q) − ‖q‖²/s as a matrix in v."""
    n = len(form)
    return weight.T @ np.linalg.solve(np.eye(n) - stiffness * form, form) @ weight


@pytest.mark.parametrize("j", [0, 1])
def test_between_the_corners_nothing_is_larger(solved, j):
    """The right-hand sides of both inequalities at random slopes and shares of the radius."""
    _, _, layers, hessian, jacobian = solved
    grid = levels(2)
    stage = jax.tree.map(lambda leaf: np.asarray(leaf)[j], layers.stages)
    curved, path, step = (
        jax.tree.map(lambda leaf: np.asarray(leaf)[j], x)
        for x in (hessian.curved, hessian.paths, jacobian.steps)
    )
    shared, last = float(layers.shared), j == 1
    closest = 1.0
    for t in range(grid.triangles):
        before, after, share = (x[t] for x in (grid.before, grid.after, grid.share))
        left, passed = grid.left[t], grid.passed[t]
        for _ in range(60):
            mean = RNG.dirichlet(np.ones(3) * 0.5)
            u = mean @ share
            part = np.round(RNG.uniform(-0.3, 1.3, 3).clip(0, 1), 2)

            def at(nodes, matrices, mean=mean):
                return np.einsum("a,aij->ij", mean, matrices[nodes])

            d = stage.low[left] + part * (stage.high[left] - stage.low[left])
            coupled = stage.most[left] - stage.fall @ d
            square = curved.mix[t] * coupled + (1 - curved.mix[t]) * stage.norm[left] ** 2
            s, split = curved.stiffness[t], curved.split[t]
            joined = s * (1 - split + split * square / curved.size[t])
            loss = 0.0 if last else shared * u / (s * (1 - split))
            kappa = stage.aligned[left]
            loss += kappa / curved.exchange[t] + (1 - kappa) / curved.across[t]
            inside = sup(at(before, curved.later), stage.weight, joined) + loss * np.eye(3)
            weight = (mean @ path.columns[t] / curved.pivot[t] + curved.pivot[t]) / 2
            a, b, c = curved.majorant[t].T
            form = d[:, None] * inside * d + np.diag(weight * (a + b * d - c * d**2))
            ends = np.linalg.eigvalsh(at(after, curved.nodes) - form)
            assert ends[0] >= -1e-9 * ends[-1]
            closest = min(closest, ends[0] / ends[-1])

            d = stage.low[passed] + part * (stage.high[passed] - stage.low[passed])
            coupled = stage.most[passed] - stage.fall @ d
            square = step.mix[t] * coupled + (1 - step.mix[t]) * stage.norm[passed] ** 2
            form = d[:, None] * at(before, step.earlier) * d
            form = sup(form, stage.weight.T, step.stiffness[t])
            form = form + (square + shared * u / step.stiffness[t]) * np.diag(stage.gives)
            ends = np.linalg.eigvalsh(at(after, step.nodes) - form)
            assert ends[0] >= -1e-9 * ends[-1]
    # And at a corner, little is left.
    assert closest < 0.1


def test_cases_of_the_whole_box_are_one(solved):
    layers = solved[2]
    with jax.enable_x64(True):
        grid, stage = levels(2), jax.tree.map(lambda leaf: leaf[0], layers.stages)
        stage = stage.at(grid.left)
        found = cases(grid, stage, layers.corners[:0], jnp.zeros(grid.triangles))
        assert found.slopes is None and found.grid is grid
        assert np.all(found.squares >= stage.norm[:, None] ** 2)
