"""Enclosures of secants contain the differences of values between any two points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import Chain
from lbdnn.activations import get
from lbdnn.intervals import interval
from lbdnn.networks import Affine, Pointwise, Residual, Scaling
from lbdnn.spectra.stability.secants import box, ellipsoid, keeps_origin, secants, whole_space

# A block, a scaling and two layers, with biases.
NET = Chain(
    (
        Residual((Affine(2, 3), Pointwise(get("silu")), Affine(3, 2))),
        Scaling((0.5, -2.0), (0.1, 0.0)),
        Affine(2, 2),
        Pointwise(get("tanh")),
    ),
    2,
)
AXES = np.array([[0.6, 0.2], [-0.1, 0.3]])
CENTRE = np.array([0.4, -0.3])


def drawn(seed, biased=True):
    rng = np.random.default_rng(seed)
    shapes = [(3, 2), (2, 3), (2, 2)]
    own = [np.column_stack([rng.normal(size=s), biased * rng.normal(size=s[0])]) for s in shapes]
    return ((own[0], None, own[1]), None, own[2], None)


def pairs_of(kind, rng):
    if kind == "whole space":
        x = rng.normal(size=(400, 2)) * 10.0 ** rng.uniform(-3, 3, (400, 1))
        return whole_space(2), x
    y = rng.uniform(-1, 1, (400, 2))
    if kind == "box":
        half = np.array([0.2, 0.5])
        return box(interval(CENTRE - half, CENTRE + half)), CENTRE + y * half
    y /= np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1)
    return ellipsoid(jnp.asarray(CENTRE), interval(AXES)), CENTRE + y @ AXES.T


@pytest.mark.parametrize("kind", ["whole space", "box", "ellipsoid"])
@pytest.mark.parametrize("seed", range(4))
def test_differences_of_values(kind, seed):
    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        region, x = pairs_of(kind, rng)
        theta = drawn(seed)
        found = secants(NET, theta, region, jnp.asarray(False))
        values = np.asarray(jax.vmap(NET, (None, 0))(theta, x))
        # Differences in the coordinates of the region.
        axes = AXES if kind == "ellipsoid" else np.eye(2)
        steps = np.linalg.solve(axes, (x[1:] - x[:-1]).T).T
        lo, hi = np.asarray(found.matrix.lo), np.asarray(found.matrix.hi)
        image = np.asarray(found.image.lo), np.asarray(found.image.hi)
        norms = np.asarray(found.norms)
        middle = np.asarray(found.middle.lo), np.asarray(found.middle.hi)
        at_centre = np.asarray(NET(theta, region.centre))
    low = np.minimum(lo * steps[:, None], hi * steps[:, None]).sum(-1)
    high = np.maximum(lo * steps[:, None], hi * steps[:, None]).sum(-1)
    differences = values[1:] - values[:-1]
    assert (low - 1e-12 <= differences).all() and (differences <= high + 1e-12).all()
    assert (image[0] - 1e-12 <= values).all() and (values <= image[1] + 1e-12).all()
    assert (middle[0] - 1e-12 <= at_centre).all() and (at_centre <= middle[1] + 1e-12).all()
    if kind != "ellipsoid":
        for p, norm in zip((1, 2, np.inf), norms, strict=True):
            lengths = np.linalg.norm(differences, p, -1), np.linalg.norm(x[1:] - x[:-1], p, -1)
            assert (lengths[0] <= norm * lengths[1] + 1e-12).all()


def test_enclosures_are_narrow_on_small_regions():
    theta = drawn(0)
    with jax.enable_x64(True):
        found = secants(NET, theta, box(interval(CENTRE, CENTRE)), jnp.asarray(False))
        slope = np.asarray(jax.jacfwd(lambda x: NET(theta, x))(jnp.asarray(CENTRE)))
    np.testing.assert_allclose(found.matrix.lo, slope, rtol=1e-12)
    np.testing.assert_allclose(found.matrix.hi, slope, rtol=1e-12)


def test_ratios_from_the_origin():
    net = Chain((Affine(2, 2, False), Pointwise(get("silu"))) * 2, 2)
    rng = np.random.default_rng(3)
    theta = (rng.normal(size=(2, 2)), None, rng.normal(size=(2, 2)), None)
    x = rng.normal(size=(400, 2)) * 10.0 ** rng.uniform(-3, 2, (400, 1))
    with jax.enable_x64(True):
        assert keeps_origin(net, theta)
        found = [secants(net, theta, whole_space(2), jnp.asarray(o)) for o in (True, False)]
        values = np.asarray(jax.vmap(net, (None, 0))(theta, x))
    sizes = [np.asarray(each.matrix.magnitude()) for each in found]
    assert (np.abs(values) <= np.abs(x) @ sizes[0].T * (1 + 1e-12)).all()
    assert (sizes[0] < sizes[1]).all()  # |ς(z)/z| ≤ 1 where |ς'| goes to 1.0998


def test_what_keeps_the_origin():
    assert not keeps_origin(NET, drawn(0, biased=False))  # the scaling has an offset
    net = Chain((Affine(1, 1), Pointwise(get("logistic"))), 1)
    assert not keeps_origin(net, (np.array([[1.0, 0.0]]), None))
    net = Chain((Residual((Affine(1, 1), Pointwise(get("tanh")))),), 1)
    assert keeps_origin(net, ((np.array([[1.0, 0.0]]), None),))
    assert not keeps_origin(net, ((np.array([[1.0, 1e-300]]), None),))
