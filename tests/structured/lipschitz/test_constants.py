"""Constants of layers and of compositions: against exact values, and against attack."""

import math

import jax
import numpy as np
import pytest

from lbdnn.structured.lipschitz import (
    Constant,
    Convolution,
    average_pooling_norm,
    composition,
    exactly,
    expansive_step,
    gradient_step,
    matrix_norm,
    max_pooling_constant,
    relative_step,
    residual,
)

from .matrices import matrix


def jacobians(f, n, points=300):
    """At random points, from far away to near 0."""
    x = np.random.default_rng(0).normal(size=(points, n)) * np.geomspace(1e-2, 1e2, points)[:, None]
    with jax.enable_x64(True):
        return np.asarray(jax.jit(jax.vmap(jax.jacobian(f)))(x))


@pytest.mark.parametrize("relative", [0.5, 2.0, 2.5, 4.0])
@pytest.mark.parametrize("slopes", [(0.0, 1.0), (0.5, 1.0), (0.1, 2.0)])
def test_no_attack_stretches_a_gradient_step_beyond_its_constant(relative, slopes):
    draw = np.random.default_rng(1)
    a, b = draw.normal(size=(5, 4)), draw.normal(size=5)
    norm, low = matrix_norm(a), np.linalg.svd(a, compute_uv=False)[-1]
    step = relative / norm.lower**2
    bound = gradient_step(norm, step, slopes=slopes, least_singular_value=low * (1 - 1e-12))

    def f(x):
        z = x @ a.T + b
        return x - step * np.where(z > 0, slopes[1] * z, slopes[0] * z) @ a

    # Pairs near and far, along random directions and those that A stretches most and least.
    x = draw.normal(size=(2000, 4)) * np.geomspace(1e-2, 1e2, 2000)[:, None]
    _, _, along = np.linalg.svd(a)
    moves = np.where(
        np.arange(2000)[:, None] % 2, draw.normal(size=(2000, 4)), along[[0, 3] * 1000]
    )
    moves = moves * np.geomspace(1e2, 1e-3, 2000)[:, None]
    stretched = (np.linalg.norm(f(x + moves) - f(x), axis=1) / np.linalg.norm(moves, axis=1)).max()
    assert stretched >= 0.6 * bound.upper
    assert stretched <= bound.upper * (1 + 1e-9)
    # All neurons on one side: far from 0 that happens, and there the bound is attained.
    ends = [1 - s * step * x**2 for s, x in [(slopes[1], norm.upper), (slopes[0], low)]]
    assert bound.upper == pytest.approx(max(-ends[0], ends[1]), rel=1e-9)


def test_a_gradient_step_with_all_neurons_on_attains_its_constant():
    a = np.random.default_rng(2).normal(size=(3, 3))
    norm = matrix_norm(a)
    step = 3 / norm.lower**2
    stretched = np.linalg.norm(np.eye(3) - step * a.T @ a, 2)
    assert stretched == pytest.approx(gradient_step(norm, step).upper, rel=1e-12)


def test_the_limit_of_non_expansive_steps_is_two():
    one = exactly(1.0)
    assert gradient_step(one, 2.0) == Constant(0.0, 1.0)
    assert gradient_step(one, math.nextafter(2.0, 3.0)).upper > 1
    assert relative_step(one, 2.0) == exactly(2.0)
    assert gradient_step(one, 0.0).upper == 1
    assert gradient_step(one, 4 / 3, slopes=(0.5, 1.0), least_singular_value=1.0).upper == (
        pytest.approx(1 / 3)
    )


def test_no_attack_stretches_an_expansive_step_beyond_its_constant():
    w = np.random.default_rng(3).normal(size=(4, 4))
    bound = expansive_step(matrix_norm(w), 0.3)
    found = np.linalg.norm(jacobians(lambda x: x + 0.3 * jax.nn.relu(w @ x + 1), 4), 2, (-2, -1))
    assert found.max() <= bound.upper
    symmetric = w @ w.T  # its largest eigenvalue is its norm: 1 + τ‖W‖ for a linear Σ
    assert expansive_step(matrix_norm(symmetric), 0.3).upper == pytest.approx(
        np.linalg.norm(np.eye(4) + 0.3 * symmetric, 2)
    )


def test_of_a_residual_block():
    assert residual(exactly(0.0)) == exactly(1.0)
    for branch in (0.25, 3.0):
        found = residual(exactly(branch))
        # x + cx and x − cx have the constants 1 + c and |1 − c|.
        assert found.lower <= abs(1 - branch) and 1 + branch <= found.upper
        assert found.upper - found.lower == pytest.approx(2 * min(1, branch))
    assert residual(Constant(0.5, math.inf)) == Constant(0.0, math.inf)


def test_a_composition_is_bounded_by_the_product():
    assert composition() == exactly(1.0)
    assert composition(Constant(1.0, 2.0)) == Constant(1.0, 2.0)
    both = composition(Constant(0.2, 0.1 + 0.2), Constant(3.0, 3.0))
    assert both.lower == 0 and 0.9 < both.upper < 0.9 + 1e-14
    assert composition(exactly(0.0), Constant(0.0, math.inf)).upper == 0
    assert composition(exactly(1e200), exactly(1e200)).upper == math.inf


def test_a_multiple_is_rounded_outward():
    third = exactly(1 / 3).times(-3.0)
    assert third.lower < 1 <= third.upper <= 1 + 1e-15
    assert exactly(5e-324).times(0.5).upper > 0 == exactly(5e-324).times(0.5).lower


WINDOWS = [
    Convolution((4, 6), (2, 2), padding=0, stride=2),
    Convolution((5, 5), (3, 3), padding=1, stride=2),
    pytest.param(Convolution((5, 4), (3, 2), padding=(1, 0), stride=1), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("windows", WINDOWS, ids=lambda w: f"{w.kernel} every {w.stride}")
def test_of_pooling(windows):
    averaging = matrix(np.full((1, 1, *windows.kernel), 1 / math.prod(windows.kernel)), windows)
    norm, found = np.linalg.norm(averaging, 2), average_pooling_norm(windows)
    assert found.lower <= norm * (1 + 1e-12) and norm * (1 - 1e-12) <= found.upper

    # Of a maximum, derivatives choose one pixel of each window: the worst choice is one pixel that
    # is chosen by all windows it is in.
    most = np.sqrt((averaging > 0).sum(0).max())
    largest = max_pooling_constant(windows)
    assert largest.lower <= most <= largest.upper <= largest.lower * (1 + 1e-15)
    if windows.stride[0] >= windows.kernel[0] and windows.stride[1] >= windows.kernel[1]:
        assert largest == exactly(1.0)


def test_a_maximum_over_overlapping_windows_can_stretch():
    windows = WINDOWS[1]
    pads = [(p, p) for p in windows.padding]
    x = np.zeros(windows.image)
    x[1, 1] = 1.0  # in four windows

    def pooled(x):
        padded = np.pad(x, pads, constant_values=-np.inf)
        return np.array(
            [
                padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max()
                for i, j in np.ndindex(*windows.output)
            ]
        )

    stretched = np.linalg.norm(pooled(x) - pooled(0 * x)) / np.linalg.norm(x)
    assert stretched == 2.0 == max_pooling_constant(windows).upper


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Constant(2.0, 1.0), "0 <= lower <= upper"),
        (lambda: Constant(0.0, math.nan), "0 <= lower <= upper"),
        (lambda: exactly(1.0).times(math.inf), "factor must be finite"),
        (lambda: gradient_step(exactly(1.0), -0.1), "step must be finite and >= 0"),
        (lambda: gradient_step(exactly(1.0), 1.0, slopes=(-0.1, 1.0)), "slopes must be"),
        (lambda: gradient_step(exactly(1.0), 1.0, least_singular_value=-1.0), "singular value"),
        (lambda: expansive_step(exactly(1.0), 1.0, slope=math.nan), "slope must be"),
        (
            lambda: max_pooling_constant(Convolution((4, 4), (3, 3), boundary="circular")),
            "no circular boundary",
        ),
    ],
)
def test_what_is_no_constant_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
