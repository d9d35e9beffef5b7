"""Networks that the tests of this folder run on."""

import jax
import jax.numpy as jnp
from hypothesis import strategies as st

from lbdnn.activations import get
from lbdnn.networks import (
    Affine,
    Chain,
    FullyConnected,
    Pointwise,
    Repeat,
    Residual,
    ResidualNetwork,
)

# One of every kind: m = 1, 2, 3; one neuron wide, deep, unstacked and stacked layers, no bias,
# an output activation, scalings, different activations, a single affine layer.
EXAMPLES = (
    FullyConnected((3, 4, 1)),
    FullyConnected((2, 3, 3, 3, 2)),
    FullyConnected((3, 4, 2, 5, 3), ("tanh", "softplus", "arctan")),
    FullyConnected((1, 1, 1, 1, 1), "logistic"),
    FullyConnected((2, 1, 3), "silu"),
    FullyConnected((3, 4, 4, 2), "relu"),
    FullyConnected((3, 4, 4, 2), bias=False, output="tanh"),
    FullyConnected(
        (2, 3, 2),
        input_scaling=((2.0, 0.5), (0.1, -0.2)),
        output_scaling=((3.0, -0.1), (1.0, 0.0)),
    ),
    FullyConnected((3, 2)),
)

TANH = Pointwise(get("tanh"))

# With and without pre-activation, stacked and single blocks, one neuron wide, no bias, a block in a
# block, a repetition in a block in a repetition, a first operation that is a repetition.
RESIDUAL = (
    ResidualNetwork((2, 3, 2), blocks=2),
    ResidualNetwork((2,), "softplus", blocks=2, hidden=(3,), preactivation=False, bias=False),
    ResidualNetwork((1, 1, 1), "arctan", blocks=3, hidden=()),
    ResidualNetwork((3, 2), blocks=1, hidden=(2, 2), output="tanh"),
    Chain((Residual((TANH, Affine(2, 3), Residual((TANH, Affine(3, 3))), Affine(3, 2))),), 2),
    Chain((Repeat((Residual((Repeat((TANH, Affine(2, 2)), 2),)), Affine(2, 2)), 2),), 2),
)


@st.composite
def random_networks(draw):
    """A fully connected network of any shape, or a residual one."""
    if draw(st.booleans()):
        return ResidualNetwork(
            draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)),
            draw(st.sampled_from(("tanh", "softplus", "gelu"))),
            blocks=draw(st.integers(1, 3)),
            hidden=draw(st.lists(st.integers(1, 3), max_size=2)),
            preactivation=draw(st.booleans()),
            bias=draw(st.booleans()),
        )
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    if draw(st.booleans()):
        sizes = [sizes[0], *[sizes[1]] * 3, sizes[-1]]
    names = st.sampled_from(("tanh", "arctan", "softplus", "relu", "gelu", "identity"))
    activations = draw(st.lists(names, min_size=len(sizes) - 2, max_size=len(sizes) - 2))
    output = draw(st.sampled_from(("linear", "tanh", "softplus")))
    return FullyConnected(sizes, activations, bias=draw(st.booleans()), output=output)


def places(networks):
    """(net, theta, sigma) in float64, from zero to huge; call it under `jax.enable_x64(True)`."""
    scales = st.sampled_from((0.0, 1e-12, 1e-3, 1.0, 1.0, 3.0, 1e3))
    return st.tuples(networks, st.integers(0, 2**31 - 1), scales, scales).map(_place)


def _place(case):
    net, seed, weights, inputs = case
    with jax.enable_x64(True):
        first, second = jax.random.split(jax.random.key(seed))
        theta = jax.tree.map(lambda leaf: weights * leaf, net.init(first))
        sigma = inputs * jax.random.normal(second, (net.inputs,), jnp.float64)
    return net, theta, sigma
