"""Convolutions as linear maps, beside the matrices that they stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.structured import flows
from lbdnn.structured.flows import filter
from lbdnn.structured.lipschitz import Convolution
from lbdnn.structured.weights import NormBoundedConvolution

FILTERS = {
    "zero": Convolution((4, 3), (3, 2), padding=(1, 0)),
    "circular": Convolution((4, 3), (3, 1), boundary="circular"),
    "stride": Convolution((5, 4), (3, 3), stride=(2, 1)),
    "circular stride": Convolution((4, 4), (3, 3), stride=2, boundary="circular"),
    "beyond the image": Convolution((2, 3), (5, 7)),
    "whole": Convolution((4, 3), (5, 3), boundary="circular"),
    "more than whole": Convolution((2, 1), (5, 3), boundary="circular"),
}


@pytest.mark.parametrize("few", [0, 2**16])
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if "stride" in name else ()) for name in FILTERS],
)
def test_filters_are_the_convolutions_and_their_adjoints(name, few, monkeypatch):
    monkeypatch.setattr(filter, "_FEW_ENTRIES", few)  # 0: none is applied as a matrix
    convolution = FILTERS[name]
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 2, *convolution.kernel))
    x = rng.normal(size=(2, *convolution.image))
    y = rng.normal(size=(3, *convolution.output))
    with jax.enable_x64(True):
        products = jax.jit(lambda a, x, y: (a @ x, a.T @ y, a.matrix(), (-a).T @ y))
        found = products(flows.Filter(jnp.asarray(kernel), convolution), x, y)
        there, back, matrix, negative = map(np.asarray, found)
        # Of the definition, one product of matrices a tap.
        expected = np.asarray(convolution.apply(jnp.asarray(kernel), jnp.asarray(x)))
    np.testing.assert_allclose(there, expected, atol=1e-13)
    np.testing.assert_allclose(np.sum(there * y), np.sum(x * back), atol=1e-12)
    np.testing.assert_allclose(matrix @ x.ravel(), there.ravel(), atol=1e-13)
    np.testing.assert_allclose(matrix.T @ y.ravel(), back.ravel(), atol=1e-13)
    np.testing.assert_allclose(negative, -back, atol=1e-15)


def test_images_too_large_to_be_written_out_are_refused():
    wide = flows.Linear(NormBoundedConvolution(8, 8, Convolution((64, 64), (3, 3))))
    with pytest.raises(ValueError, match="1073741824 entries as a matrix"):
        jax.eval_shape(lambda k: wide.unrolled(wide.init(k))[1], jax.random.key(0))
    with pytest.raises(ValueError, match="has 67108864 entries as a matrix"):
        flows.AveragePooling((16, 32, 32)).unrolled(())
