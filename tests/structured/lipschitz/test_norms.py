"""Norms of matrices and convolutions lie between their bounds."""

from fractions import Fraction
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.structured.lipschitz import (
    Convolution,
    convolution_least_singular_value,
    convolution_norm,
    matrix_norm,
    symbol,
)
from lbdnn.structured.lipschitz.rayleigh import quotient
from lbdnn.structured.lipschitz.symbol import blocks

from .matrices import matrix

ROUNDING = 1e-12
CASES = [
    Convolution((4, 5), (3, 3)),
    Convolution((5, 4), (3, 3), stride=2),
    Convolution((5, 6), (2, 3), padding=(0, 2), stride=(2, 3)),
    Convolution((4, 3), (3, 3), boundary="circular"),
    Convolution((4, 6), (3, 3), stride=2, boundary="circular"),
    Convolution((5, 3), (3, 5), stride=2, boundary="circular"),
]
RING = CASES[3]


def named(convolution):
    return f"{convolution.boundary} {convolution.image} {convolution.kernel} {convolution.stride}"


def random(convolution, seed, shape=(2, 3)):
    return np.random.default_rng(seed).normal(size=(*shape, *convolution.kernel))


@pytest.mark.parametrize(
    "convolution",
    [
        pytest.param(c, marks=[pytest.mark.slow] if k in (1, 4, 5) else [])
        for k, c in enumerate(CASES)
    ],
    ids=map(named, CASES),
)
def test_the_norm_of_a_convolution_lies_between_its_bounds(convolution):
    for seed in range(4):
        weight = random(convolution, seed)
        norm = np.linalg.norm(matrix(weight, convolution), 2)
        found = convolution_norm(weight, convolution)
        assert found.lower <= norm * (1 + ROUNDING)
        assert found.upper >= norm * (1 - ROUNDING)
        # Lanczos' method runs until all directions of so small an image are in use.
        assert found.lower == pytest.approx(norm, rel=1e-6)
        divides = not np.any(np.array(convolution.image) % np.array(convolution.stride))
        if convolution.boundary == "circular" and divides:
            assert found.upper <= norm * (1 + 1e-8)
        else:
            assert found.upper <= 1.6 * norm


def test_the_least_singular_value_of_a_circular_convolution_is_below_the_true_one(monkeypatch):
    part = Convolution((4, 3), (3, 3), padding=0, boundary="circular")
    for convolution, shape, whole in [
        (RING, (3, 3), True),
        (RING, (3, 2), True),
        (CASES[4], (9, 2), True),
        (RING, (2, 3), False),
        (CASES[0], (3, 2), False),  # zero padding
        (CASES[5], (3, 2), False),  # outputs that are left out
        (part, (3, 2), False),
    ]:
        weight = random(convolution, 1, shape)
        found = convolution_least_singular_value(weight, convolution)
        truth = np.linalg.svd(matrix(weight, convolution), compute_uv=False).min()
        assert found <= truth * (1 + ROUNDING)
        assert found >= truth * (1 - 1e-8) if whole else found == 0
    found = symbol._approximately
    monkeypatch.setattr(symbol, "_approximately", lambda *args: 1.05 * found(*args))
    weight = random(RING, 1, (3, 3))
    truth = np.linalg.svd(matrix(weight, RING), compute_uv=False).min()
    assert 0.9 * truth < convolution_least_singular_value(weight, RING) <= truth


@pytest.mark.parametrize("convolution", CASES, ids=named)
def test_the_image_is_a_part_of_the_torus(convolution):
    """The convolution is what is left of the torus' where all that is no pixel is dropped."""
    weight = random(convolution, 0)
    taps, places = blocks(weight, convolution)
    axes = convolution.axis(0), convolution.axis(1)
    sizes, phases = [a.torus for a in axes], [a.phases for a in axes]
    outputs, channels = weight.shape[:2]
    (rows, columns), (height, width) = convolution.output, convolution.image
    steps = np.broadcast_to(np.asarray(convolution.stride), 2) // phases  # outputs that are kept
    for twist in product(*[(0, 1) if a.twisted else (0,) for a in axes]):
        whole = np.zeros((outputs, *sizes, channels, *phases, *sizes))
        for i in np.ndindex(*sizes):
            for tap, q in zip(taps, places, strict=True):
                turns, j = np.divmod(np.array(i) + q, sizes)
                sign = (-1.0) ** (turns @ np.array(twist))
                whole[:, *i, :, :, :, *j] += sign * tap.reshape(outputs, channels, *phases)
        whole = np.moveaxis(whole, [3, 6, 4, 7, 5], [3, 4, 5, 6, 7])
        whole = whole.reshape(outputs, *sizes, channels, sizes[0] * phases[0], sizes[1] * phases[1])
        kept = whole[:, : rows * steps[0] : steps[0], : columns * steps[1] : steps[1]]
        kept = kept[..., :height, :width].reshape(outputs * rows * columns, -1)
        np.testing.assert_allclose(kept, matrix(weight, convolution), atol=1e-12)


@pytest.mark.parametrize("convolution", CASES, ids=named)
def test_a_convolution_is_applied_as_jax_applies_it(convolution):
    weight = random(convolution, 5)
    x = np.random.default_rng(6).normal(size=(3, *convolution.image))
    with jax.enable_x64(True):
        y = np.asarray(convolution.apply(weight, x))
    assert y.shape == (2, *convolution.output)
    np.testing.assert_allclose(y.ravel(), matrix(weight, convolution) @ x.ravel(), atol=1e-12)


def test_the_twisted_torus_knows_the_norm_of_a_second_difference():
    """(1, 2, 1) with zero padding has the eigenvalues 2 + 2cos(πk/(n + 1)), k = 1, …, n."""
    smooth = np.einsum("o,i,y,x->oiyx", [3, 4], [2, 3, 6], [1, 2, 1], [1, 2, 1])
    found = convolution_norm(smooth, CASES[0])
    exact = 5 * 7 * (2 + 2 * np.cos(np.pi / 5)) * (2 + 2 * np.cos(np.pi / 6))
    assert found.lower <= exact * (1 + ROUNDING) and exact * (1 - ROUNDING) <= found.upper
    assert found.upper <= exact * (1 + 1e-8)


def between(found, square):
    return Fraction(found.lower) ** 2 <= square <= Fraction(found.upper) ** 2


def test_bounds_hold_in_exact_arithmetic():
    """Of rank one over the channels, ≥ 0 over the taps: ‖a‖‖b‖Σc around a circle, known exactly."""
    for seed in range(10):
        draw = np.random.default_rng(seed)
        a, b = (draw.integers(-999, 999, n) for n in (2, 3))
        c = draw.integers(0, 999, (3, 3))
        square = int(a @ a) * int(b @ b)
        assert between(matrix_norm(np.outer(a, b)), square)
        kernel = np.einsum("o,i,yx->oiyx", a, b, c)
        assert between(convolution_norm(kernel, RING), square * int(c.sum()) ** 2)


@pytest.mark.parametrize("factor", [0.5, 0.999, 1 - 1e-7])
def test_what_is_proved_does_not_rest_on_what_was_found(monkeypatch, factor):
    found = symbol._approximately
    monkeypatch.setattr(symbol, "_approximately", lambda *args: factor * found(*args))
    weight = random(RING, 3)
    norm = np.linalg.norm(matrix(weight, RING), 2)
    assert norm * (1 - ROUNDING) <= convolution_norm(weight, RING).upper <= 3 * norm


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
def test_cancellation_does_not_raise_a_lower_bound(order):
    weight = np.array([[1e16, 3.0, -1e16]])[:, order]  # times ones: 3; rounded 4 or 2
    with jax.enable_x64(True):
        bound = jax.jit(lambda weight: quotient(jnp.matmul, weight, jnp.ones(3), 3))
        assert bound(weight) <= np.sqrt(3)


@pytest.mark.parametrize("scale", [1e300, 5e-310, 1e-200, 2.0**-30])
def test_norms_of_huge_and_tiny_weights(scale):
    convolution = RING
    weight = random(convolution, 1) * scale
    size = np.max(np.abs(weight))
    for found, norm in [
        (
            convolution_norm(weight, convolution),
            np.linalg.norm(matrix(weight / size, convolution), 2),
        ),
        (matrix_norm(weight[0, 0]), np.linalg.norm(weight[0, 0] / size, 2)),
    ]:
        assert found.lower / size <= norm * (1 + 1e-10)
        assert norm * (1 - 1e-10) <= found.upper / size
        assert found.upper <= found.lower * (1 + 1e-6) + 1e-307


def test_a_norm_beyond_the_largest_number_is_unknown_from_above():
    found = matrix_norm(np.full((3, 3), 1e308))
    assert found.upper == np.inf and 1.7e308 < found.lower < np.inf


def test_a_few_huge_weights_among_tiny_ones():
    weight = np.full((2, 3, 3, 3), 1e-300)
    weight[0, 1, 1, 1] = 3e10
    found = convolution_norm(weight, RING)
    assert found.lower <= 3e10 <= found.upper <= 3e10 * (1 + 1e-8)


def test_zero_weights_have_norm_zero():
    for found in (
        convolution_norm(np.zeros((2, 3, 3, 3)), CASES[0]),
        matrix_norm(np.zeros((2, 3))),
    ):
        assert (found.lower, found.upper) == (0, 0)


def test_float32_weights_are_taken_as_they_are():
    weight = random(RING, 2).astype(np.float32)
    assert convolution_norm(weight, RING) == convolution_norm(weight.astype(float), RING)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.full((2, 3, 3, 3), np.nan), "holds NaN or infinity"),
        (np.full((2, 3, 3, 3), np.inf), "holds NaN or infinity"),
        (np.ones((2, 3, 3)), "needs 4 axes"),
        (np.ones((0, 3, 3, 3)), "none empty"),
        (np.ones((2, 3, 3, 3), complex), "must hold real numbers"),
        (np.full((2, 3, 3, 3), 2**53 + 1), "float64 cannot"),
        (np.ones((2, 3, 5, 3)), r"kernel of \(3, 3\) taps; got a weight"),
    ],
)
def test_what_is_no_weight_is_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        convolution_norm(weight, CASES[0])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (((4, 4), (2, 3)), {}, "no 'same'"),
        (((4, 0), (3, 3)), {}, "image takes an integer >= 1"),
        (((4, 4), (3, 3)), {"stride": 0}, "stride takes an integer >= 1"),
        (((4, 4), (3, 3)), {"padding": -1}, "padding takes an integer >= 0"),
        (((4, 4), (3, 3)), {"boundary": "reflect"}, "'zero' or 'circular'"),
        (((4, 4), (3, 3)), {"padding": 2, "boundary": "circular"}, "at most"),
        (((2, 4), (3, 3)), {"padding": 0}, "does not fit"),
    ],
)
def test_what_is_no_convolution_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        Convolution(*arguments, **options)
