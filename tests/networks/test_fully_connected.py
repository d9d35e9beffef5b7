"""The constructor of fully connected networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.activations import get
from lbdnn.networks import Affine, FullyConnected, Pointwise, Repeat, Scaling


def test_activations_per_layer_without_bias_with_output_and_scalings():
    net = FullyConnected(
        (2, 3, 4, 2),
        ("tanh", "sin"),
        bias=False,
        output="softplus",
        input_scaling=((2.0, 3.0), (0.5, -0.5)),
        output_scaling=((10.0, 20.0), (-1.0, 1.0)),
    )
    with jax.enable_x64(True):
        theta = net.init(jax.random.key(0))
        W0, W1, W2 = net.weights(theta)
        sigma = jnp.array([0.3, -0.2])
        x = np.array([2.0, 3.0]) * sigma + np.array([0.5, -0.5])
        y = W2 @ np.sin(W1 @ np.tanh(W0 @ x))
        expected = np.array([10.0, 20.0]) * np.log1p(np.exp(y)) + np.array([-1.0, 1.0])
        np.testing.assert_allclose(net(theta, sigma), expected, rtol=1e-13)
    assert net.size == 2 * 3 + 3 * 4 + 4 * 2
    assert [w.shape for w in (W0, W1, W2)] == [(3, 2), (4, 3), (2, 4)]


def test_scalings_are_not_parameters():
    plain = FullyConnected((2, 3, 1))
    scaled = FullyConnected((2, 3, 1), input_scaling=((2, 2), (0, 0)), output_scaling=([3], [1]))
    assert plain.size == scaled.size
    assert scaled.operations[0] == Scaling((2.0, 2.0), (0.0, 0.0))


def test_equal_hidden_layers_are_stacked_and_others_are_not():
    def operations(*arguments, **options):
        return [type(o) for o in FullyConnected(*arguments, **options).operations]

    assert operations((2, 3, 3, 3, 1)) == [Affine, Repeat, Pointwise, Affine]
    assert operations((2, 3, 3, 1)) == [Affine, Pointwise, Affine, Pointwise, Affine]
    assert Repeat not in operations((3, 3, 3, 3, 3), ("tanh", "relu", "tanh"))
    assert operations((2, 3, 3, 3, 3), ("tanh", "tanh", "relu"))[1] is Repeat
    assert operations((2, 1), output="tanh") == [Affine, Pointwise]
    assert FullyConnected((2, 3, 3, 3, 1)).operations[1].times == 2


def test_an_activation_object_and_its_name_are_the_same():
    assert FullyConnected((1, 2, 1), get("tanh")) == FullyConnected((1, 2, 1), "tanh")


@pytest.mark.parametrize("sizes", [(), (3,), (3, 0, 1), (3, -1), (2.5, 1), "ab", (2, None)])
def test_wrong_sizes(sizes):
    with pytest.raises(ValueError, match="sizes must be two or more positive integers"):
        FullyConnected(sizes)


def test_wrong_activations_and_scalings():
    with pytest.raises(ValueError, match="2 hidden layers need 2 activations; got 1"):
        FullyConnected((1, 2, 2, 1), ["tanh"])
    with pytest.raises(ValueError, match="tanhh"):
        FullyConnected((1, 2, 1), "tanhh")
    with pytest.raises(ValueError, match="scaling of 1 values"):
        FullyConnected((2, 2, 1), input_scaling=([1.0], [0.0]))
