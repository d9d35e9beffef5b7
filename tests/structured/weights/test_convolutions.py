"""Kernels with a bounded norm, and orthogonal ones, beside the matrices they stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.structured.lipschitz import Convolution
from lbdnn.structured.weights import (
    BlockOrthogonalConvolution,
    Blocks,
    NormBoundedConvolution,
    OrthogonalConvolution,
    UnstructuredConvolution,
)
from lbdnn.structured.weights.symbol import gram_bound, norm_bound

KEY = jax.random.key(0)
CIRCULAR = Convolution((4, 5), (3, 3), boundary="circular")
CASES = (
    Convolution((4, 4), (3, 3)),
    CIRCULAR,
    Convolution((4, 3), (2, 4), padding=(1, 2)),
    Convolution((4, 4), (3, 3), stride=2),
    Convolution((4, 6), (3, 3), stride=2, boundary="circular"),
    Convolution((3, 2), (7, 5)),
    Convolution((3, 3), (1, 1)),
    Convolution((1, 40), (1, 3)),  # with fewer frequencies than pixels
)
SLOW = (CASES[0], *CASES[2:])


def matrix(kernel, convolution):
    """That of the convolution, from its definition."""
    outputs, channels, *taps = kernel.shape
    (height, width), (rows, columns) = convolution.image, convolution.output
    padding, stride = (np.broadcast_to(v, 2) for v in (convolution.padding, convolution.stride))
    found = np.zeros((outputs, rows, columns, channels, height, width))
    for i, j, a, b in np.ndindex(rows, columns, *taps):
        y, x = np.array([i, j]) * stride + (a, b) - padding
        if convolution.boundary == "circular":
            y, x = y % height, x % width
        if 0 <= y < height and 0 <= x < width:
            found[:, i, j, :, y, x] += kernel[:, :, a, b]
    return found.reshape(outputs * rows * columns, -1)


def study(family, kernel):
    weight = family(kernel)
    slope = jax.grad(lambda k: jnp.sum(family(k) ** 2))(kernel)
    return weight, family.defect(weight), norm_bound(kernel, family.convolution), slope


@pytest.mark.parametrize(
    "convolution",
    [
        pytest.param(one, id=str(one), marks=pytest.mark.slow if one in SLOW else ())
        for one in CASES
    ],
)
def test_norms_stay_below_the_bound_for_all_parameters(convolution):
    family = NormBoundedConvolution(2, 1, convolution, bound=0.7)
    random = np.random.default_rng(0).normal(size=family.shape)
    flat, single = np.ones(family.shape), np.zeros(family.shape)
    single[0, 0, convolution.kernel[0] // 2, convolution.kernel[1] // 2] = 1
    alternating = flat * (-1.0) ** np.indices(family.shape).sum(0)
    kinds = np.array([random, flat, alternating, single])
    scales = np.array([1, 0, 1e-200, 1e200])[:, None, None, None, None, None]
    with jax.enable_x64(True):
        each = jax.jit(jax.vmap(lambda k: study(family, k)))
        found = [np.asarray(v) for v in each((scales * kinds).reshape(-1, *family.shape))]
    weights, defects, bounds, slopes = found
    norms = np.array([np.linalg.norm(matrix(k, convolution), 2) for k in weights])
    assert np.all(norms <= 0.7 * (1 + 1e-14)) and np.all(defects < 1e-15)
    assert np.all(np.isfinite(slopes))
    assert np.all(norms[4:8] == 0) and np.all(norms[[0, 1, 2, 3, 12, 13, 14, 15]] > 0.05)
    # The bound itself, of kernels of moderate size.
    true = np.array([np.linalg.norm(matrix(k, convolution), 2) for k in kinds])
    assert np.all(bounds[:4] >= true * (1 - 1e-14)) and np.all(bounds[4:8] == 0)
    # Two outputs: Gram iteration is off by 2^(1/64) at most. The torus of the whole is exact.
    if convolution.boundary == "circular":
        assert np.all(bounds[:4] <= true * 2 ** (1 / 64))


def test_fewer_frequencies_than_pixels_bound_the_norm_on_wide_images():
    wide = Convolution((1, 1000), (1, 3), boundary="circular")
    with jax.enable_x64(True):
        bound = jax.jit(jax.vmap(lambda k: norm_bound(k, wide)))
        # One output, for which Gram iteration is exact; the largest symbols are anywhere.
        kernels = np.random.default_rng(0).normal(size=(100, 1, 2, 1, 3))
        found = np.asarray(bound(kernels))
    waves = np.exp(2j * np.pi * np.outer(np.arange(3), np.arange(1000)) / 1000)
    true = np.linalg.norm(kernels[:, 0, :, 0] @ waves, axis=1).max(1)
    assert np.all(true * (1 - 1e-14) <= found) and np.all(found <= 1.005 * true)


def test_gram_bounds_hold_and_are_tight_to_the_rank():
    rng = np.random.default_rng(0)
    matrices = rng.normal(size=(20, 3, 5)) + 1j * rng.normal(size=(20, 3, 5))
    matrices[0], matrices[1] = np.eye(3, 5), 0
    with jax.enable_x64(True):
        found = np.asarray(gram_bound(jnp.asarray(matrices)))
        assert float(gram_bound(jnp.asarray(matrices[0].T))) == pytest.approx(found[0])
    true = np.linalg.norm(matrices, 2, (1, 2))
    assert np.all(found >= true * (1 - 1e-14)) and np.all(found <= true * 3 ** (1 / 64) + 1e-14)
    assert found[0] == pytest.approx(3 ** (1 / 64)) and found[1] == 0


@pytest.mark.slow
def test_gradients_of_the_bound_are_those_of_differences():
    with jax.enable_x64(True):
        kernel, direction = np.random.default_rng(0).normal(size=(2, 2, 2, 3, 3))
        bound = jax.jit(lambda k: norm_bound(k, CASES[0]))
        slope = jnp.sum(jax.grad(bound)(kernel) * direction)
        difference = bound(kernel + 1e-6 * direction) - bound(kernel - 1e-6 * direction)
    assert float(slope) == pytest.approx(float(difference) / 2e-6, rel=1e-7)


def test_every_kernel_with_a_smaller_bound_is_reached():
    reach = NormBoundedConvolution(2, 2, CIRCULAR, bound=1.5)

    @jax.jit
    def found(kernel):
        size = norm_bound(kernel, CIRCULAR)
        return size, reach(kernel / jnp.sqrt(1.5**2 - size**2))

    with jax.enable_x64(True):
        kernel = np.random.default_rng(0).normal(size=(2, 2, 3, 3)) / 9
        size, again = found(kernel)
    assert float(size) < 1.5
    np.testing.assert_allclose(again, kernel, atol=1e-15)


@pytest.mark.parametrize(
    "family",
    [
        OrthogonalConvolution(2, 2, (4, 4)),
        pytest.param(OrthogonalConvolution(3, 2, (5, 4)), marks=pytest.mark.slow),
        pytest.param(OrthogonalConvolution(1, 2, (3, 2), (5, 1)), marks=pytest.mark.slow),
        pytest.param(OrthogonalConvolution(1, 1, (1, 1)), marks=pytest.mark.slow),
        BlockOrthogonalConvolution(3, 3, (4, 5)),
        pytest.param(BlockOrthogonalConvolution(4, 2, (4, 2), (3, 5)), marks=pytest.mark.slow),
        pytest.param(BlockOrthogonalConvolution(1, 2, (2, 1)), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_orthogonal_convolutions_have_singular_values_one(family):
    rng = np.random.default_rng(0)
    both = jax.jit(lambda k: (family(k), family.defect(family(k))))
    for scale in (0.0, 1.0, 100.0):
        with jax.enable_x64(True):
            shapes = jax.eval_shape(family.init, KEY)
            own = jax.tree.map(lambda x, by=scale: by * rng.normal(size=x.shape), shapes)
            found, defect = map(np.asarray, both(own))
        assert found.shape == family.shape and found.dtype == np.float64
        values = np.linalg.svd(matrix(found, family.convolution), compute_uv=False)
        np.testing.assert_allclose(values, 1, atol=1e-11)
        assert defect < 1e-11 and family.defect(1.1 * found) > 0.2


def test_few_taps_of_several_channels_are_used_and_move_one_channel_nowhere():
    family = BlockOrthogonalConvolution(2, 2, (3, 3))
    # Projections onto e₂, 1/√2(1, 1) twice, and e₂; a reflection along 0 is I.
    own = Blocks(jnp.zeros((2, 2)), jnp.array([0.0, 1.0, 1.0, 0.0])[:, None, None])
    one, other = np.diag([0.0, 1.0]), np.full((2, 2), 0.5)
    away, aside = np.eye(2) - one, np.eye(2) - other
    kernel = np.zeros((2, 2, 3, 3))
    # x ↦ Px + (I − P)zx: along the height, the width, and back, as cross-correlations.
    for i, j, up, left in np.ndindex(2, 2, 2, 2):
        steps = (one, away)[i], (other, aside)[j], (other, aside)[up], (one, away)[left]
        kernel[:, :, 1 + i - up, 1 + j - left] += steps[3] @ steps[2] @ steps[1] @ steps[0]
    np.testing.assert_allclose(family(own), kernel, atol=1e-6)
    single = BlockOrthogonalConvolution(1, 1, (3, 3), (1, 5))
    np.testing.assert_array_equal(
        single(Blocks(jnp.zeros((1, 1)), jnp.zeros((4, 1, 0)))), np.eye(1, 5, 2)[None, None]
    )


def test_single_precision_stays_single():
    families = NormBoundedConvolution(1, 1, CASES[0]), OrthogonalConvolution(1, 1, (3, 3))
    with jax.enable_x64(True):
        for family in (*families, UnstructuredConvolution(1, 1, CASES[0])):
            given = jax.ShapeDtypeStruct(jax.eval_shape(family.init, KEY).shape, np.float32)
            weight = jax.eval_shape(family, given)
            assert weight.dtype == jax.eval_shape(family.defect, weight).dtype == np.float32


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: NormBoundedConvolution(0, 1, CASES[0]), "n_out must be a positive integer"),
        (lambda: NormBoundedConvolution(1, 1, CASES[0], bound=0.0), "bound must be positive"),
        (lambda: UnstructuredConvolution(1, 1, (3, 3)), "convolution must be a Convolution"),
        (lambda: OrthogonalConvolution(1, 1, (4, 4), (2, 2)), "kernel of .* taps has no 'same'"),
        (lambda: BlockOrthogonalConvolution(1, 1, (4, 4), (3, 2)), "kernel of .* taps has no"),
        (lambda: OrthogonalConvolution(1, 1, (4, 0)), "image takes an integer >= 1"),
        (lambda: UnstructuredConvolution(1, 2, CASES[0])(np.ones((1, 2, 3))), "must have shape"),
        (lambda: NormBoundedConvolution(1, 2, CASES[0])(np.ones((1, 2, 3, 2))), "must have shape"),
        (lambda: OrthogonalConvolution(1, 1, (3, 3)).defect(np.ones(3)), "must have shape"),
    ],
)
def test_what_does_not_fit_is_refused(make, text):
    with pytest.raises(ValueError, match=text):
        make()
