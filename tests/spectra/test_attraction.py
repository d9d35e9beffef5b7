"""Certified regions of attraction: what is claimed of them, on orbits that start in them."""

import jax
import numpy as np
import pytest

from lbdnn import Chain
from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise
from lbdnn.spectra import fixed_points, region_of_attraction, trajectory


def planar(activation, *weights):
    """x ↦ ς(V_L [ς(⋯ς(V_0 [x; 1])⋯); 1])."""
    net = Chain((Affine(2, 2), Pointwise(get(activation))) * len(weights), 2)
    return net, tuple(own for w in weights for own in (np.array(w, float), None))


BISTABLE = planar("tanh", [[2, -0.5, 0.0], [8, -2, 0.05]])
STARTS = np.random.default_rng(0).uniform(-1, 1, (32, 2))
DEEP = planar("tanh", [[0.5, 2, 0.1], [0, 0.5, 0.0]], [[0.5, 0, 0.0], [2, 0.5, -0.1]])


def settled(net, theta):
    """Where an orbit ends."""
    with jax.enable_x64(True):
        return np.asarray(trajectory(net, theta, np.ones((500, 2)), 400))[-1, 0]


def of_region(region, count, radius=1.0):
    """Points of the ellipsoid, on spheres of its norm with that share of its level or less."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(count, len(region.centre)))
    y *= radius * rng.uniform(size=(count, 1)) ** 0.25 / np.linalg.norm(y, axis=1, keepdims=True)
    return region.centre + region.level * np.linalg.solve(region.root, y.T).T


def norm(region, z):
    return np.linalg.norm(z @ region.root.T, axis=-1)


@pytest.mark.parametrize("case", [BISTABLE, DEEP], ids=["one layer", "two layers"])
@pytest.mark.parametrize("rate", [1.0, 0.8])
def test_orbits_from_the_region_converge_at_its_rate(case, rate):
    net, theta = case
    region = region_of_attraction(net, theta, settled(net, theta), rate=rate)
    assert region.rate < 1 and region.rate <= rate
    lo, hi = region.fixed_point
    assert (hi - lo).max() < 1e-10
    starts = of_region(region, 500)
    assert region.contains(starts).mean() > 0.99  # but for rounding on the boundary
    with jax.enable_x64(True):
        orbits = np.asarray(trajectory(net, theta, starts, 400))
    distances = norm(region, orbits - (lo + hi) / 2)
    assert (distances[1:] <= region.rate * distances[:-1] + 1e-12).all()
    assert (distances[-1] < 1e-6).all()


def test_a_region_excludes_other_attractors():
    net, theta = BISTABLE
    found = [o.points[0] for o in fixed_points(net, theta, STARTS)]
    assert len(found) > 1
    region = region_of_attraction(net, theta, found[0])
    assert region.contains(np.array(found)).tolist() == [True] + [False] * (len(found) - 1)


def test_smaller_rates_give_smaller_regions():
    net, theta = DEEP
    start = settled(net, theta)
    volumes = [region_of_attraction(net, theta, start, rate=q).volume for q in (0.8, 0.9, 1.0)]
    assert volumes == sorted(volumes) and volumes[0] < volumes[2]


def test_in_one_dimension_the_region_is_where_the_slope_is_below_one():
    net = Chain((Affine(1, 1), Pointwise(get("sin"))), 1)
    theta = (np.array([[2.0, 0.0]]), None)  # sin(2x), fixed at 0.9477, slope 2cos(2x)
    region = region_of_attraction(net, theta, [0.95])
    lo, hi = region.fixed_point
    x = 0.947747133517
    assert lo <= x + 1e-10 and hi >= x - 1e-10
    steep = np.pi / 3  # where 2cos(2x) = −1
    reach = region.level / abs(region.root[0, 0])
    assert reach == pytest.approx(steep - x, rel=1e-6)
    assert reach <= steep - x + 1e-12
    assert region.volume == pytest.approx(2 * reach)


def test_refusals():
    net, theta = BISTABLE
    unstable = next(o for o in fixed_points(net, theta, STARTS) if o.stability == "unstable")
    with pytest.raises(ValueError, match="spectral radius"):
        region_of_attraction(net, theta, unstable.points[0])
    with pytest.raises(ValueError, match="2 finite numbers"):
        region_of_attraction(net, theta, [0.0])
    with pytest.raises(ValueError, match="rate"):
        region_of_attraction(net, theta, [0.0, 0.0], rate=1.5)
    line = Chain((Affine(2, 2),), 2)
    with pytest.raises(ValueError, match="no fixed point"):
        region_of_attraction(line, (np.array([[1.0, 0, 1], [0, 0.5, 0]]),), [0.0, 0.0])
