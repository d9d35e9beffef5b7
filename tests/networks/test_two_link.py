"""The order of θ, checked on published trajectories: network_error = f − Φ at the first sample.

There x = (−1, 1) and ẋ = 0, so f = −(Cẋ + Fẋ) = 0 and the error is −Φ([x; ẋ], θ_init).
"""

from itertools import pairwise

import jax
import numpy as np
import pytest

from lbdnn.networks import FullyConnected

SIGMA = np.array([-1.0, 1.0, 0.0, 0.0])
FILES = [f"two_link_{k}x{k}_{law}.npz" for k in (3, 5) for law in ("tracking", "composite")]


def sizes_of(width: int) -> tuple[int, ...]:
    return (4, *[width] * width, 2)


def value(sizes, theta, sigma=SIGMA):
    net = FullyConnected(sizes, "tanh")
    with jax.enable_x64(True):
        return np.asarray(net(net.unravel(theta), sigma))


def other_orders(sizes, theta):
    """θ as it would be if it were stored by rows, bias first, or last layer first."""
    shapes = [(n + 1, m) for n, m in pairwise(sizes)]
    ends = np.cumsum([n * m for n, m in shapes])[:-1]
    pieces = np.split(theta, ends)

    def columns(matrices):
        return np.concatenate([V.ravel(order="F") for V in matrices])

    by_rows = [piece.reshape(s) for piece, s in zip(pieces, shapes, strict=True)]
    by_columns = [piece.reshape(s, order="F") for piece, s in zip(pieces, shapes, strict=True)]
    yield "rows", columns(by_rows)
    yield "bias first", columns([np.roll(V, -1, axis=0) for V in by_columns])
    back = np.split(theta, np.cumsum([n * m for n, m in shapes[::-1]])[:-1])[::-1]
    yield "last layer first", np.concatenate(back)


def assert_only_our_order(sizes, theta, truth, sigma=SIGMA):
    np.testing.assert_allclose(value(sizes, theta, sigma), truth, rtol=0, atol=1e-12)
    for name, reordered in other_orders(sizes, theta):
        error = np.abs(value(sizes, reordered, sigma) - truth).max()
        assert error > 1e-3, f"order {name!r} is not told apart"


@pytest.mark.parametrize("file", FILES)
def test_published_initial_weights(data, file):
    with np.load(data / "two_link" / file) as published:
        theta, error = published["theta_init"], published["network_error"][:, 0]
    width = int(file.split("_")[2][0])
    assert_only_our_order(sizes_of(width), theta, -error)


@pytest.mark.parametrize("width", [3, 5])
def test_weights_drawn_here(width):
    rng = np.random.default_rng(width)
    sizes = sizes_of(width)
    matrices = [rng.uniform(-0.5, 0.5, (n + 1, m)) for n, m in pairwise(sizes)]
    y = matrices[0].T @ np.append(SIGMA, 1.0)
    for V in matrices[1:]:
        y = V.T @ np.append(np.tanh(y), 1.0)
    theta = np.concatenate([column for V in matrices for column in V.T])
    assert_only_our_order(sizes, theta, y)
