"""Networks from lists of weights."""

import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.activations import get
from lbdnn.networks import FullyConnected, ModelError, from_layers

W0, b0 = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0.1, 0.2, 0.3])
W1, b1 = np.array([[1.0, -1.0, 0.5]]), np.array([0.7])


def test_by_hand(value):
    model = from_layers([(W0, b0), (W1, b1)], activation="tanh", output="sigmoid")
    x = np.array([[0.3, -0.2], [0.0, 0.1]])
    expected = 1 / (1 + np.exp(-(np.tanh(x @ W0.T + b0) @ W1.T + b1)))
    np.testing.assert_allclose(value(model, x), expected, atol=1e-14)
    np.testing.assert_array_equal(model.net.weights(model.theta)[0], np.column_stack([W0, b0]))


def test_a_layer_without_bias_has_no_bias_parameter(value):
    model = from_layers([(W0, None), (W1, b1)], activation="relu")
    assert model.net.size == 6 + 4
    x = np.array([[0.3, -0.2]])
    np.testing.assert_allclose(value(model, x), np.maximum(x @ W0.T, 0) @ W1.T + b1, atol=1e-14)


def test_it_is_the_constructors_network():
    square = [(np.eye(3), np.ones(3))] * 3
    model = from_layers([(W0, b0), *square, (W1, b1)], activation=get("tanh"))
    assert model.net == FullyConnected((2, 3, 3, 3, 3, 1))
    mixed = from_layers([(W0, b0), *square, (W1, b1)], activation=["tanh", "tanh", "sin", "relu"])
    assert mixed.net == FullyConnected((2, 3, 3, 3, 3, 1), ["tanh", "tanh", "sin", "relu"])


def test_precision_and_kinds_of_arrays():
    model = from_layers([(jnp.ones((1, 2)), [0.5])])
    (matrix,) = model.net.weights(model.theta)
    assert isinstance(matrix, np.ndarray) and matrix.shape == (1, 3)
    (single,) = from_layers([(W0.astype(np.float32), None)]).theta
    assert single.dtype == np.float32
    (half,) = from_layers([(W0.astype(np.float16), None)]).theta
    assert half.dtype == np.float32
    (swapped,) = from_layers([(W0.astype(">f8"), None)]).theta
    assert swapped.dtype == np.float64 and swapped.dtype.isnative
    np.testing.assert_array_equal(swapped, W0)


@pytest.mark.parametrize(
    "layers, message",
    [
        ([], "there is no layer"),
        (3, "pairs"),
        ([(W0, b0, b0)], "pairs"),
        ([(W0, b0), (W0, b0)], r"W of layer 1 has a weight of shape \(3, 2\); it is given 3"),
        ([(W0, b1)], r"b of layer 0 has a bias of shape \(1,\); \(3,\) is expected"),
        ([(b0, b0)], r"W of layer 0 has shape \(3,\)"),
        ([(W0 * np.nan, b0)], "W of layer 0 holds NaN"),
        ([(W0, b0 * np.inf)], "b of layer 0 holds NaN or infinity"),
        ([(W0.astype(int), b0)], "W of layer 0 holds int64"),
        ([(W0 * 1j, b0)], "W of layer 0 holds complex128"),
        ([([[1.0], [1.0, 2.0]], None)], "W of layer 0 is not an array"),
        ([(np.zeros((0, 2)), None)], "W of layer 0 has 0 values"),
        ([(np.zeros((2, 0)), None)], "the input has 0 values"),
        ([("ab", None)], "W of layer 0 holds"),
    ],
)
def test_refused(layers, message):
    between = ["tanh"] if isinstance(layers, list) and len(layers) == 2 else None
    with pytest.raises(ModelError, match=message):
        from_layers(layers, activation=between)


def test_a_missing_or_wrong_activation():
    pair = [(W0, b0), (W1, b1)]
    with pytest.raises(ModelError, match=r"do not say which activation.*activation='tanh'"):
        from_layers(pair)
    with pytest.raises(ModelError, match="1 hidden layers need 1 activations; got 2"):
        from_layers(pair, activation=["tanh", "tanh"])
    with pytest.raises(ModelError, match="tahn"):
        from_layers(pair, activation="tahn")
