"""Our own format: what is written is read back bit for bit."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.activations import get, names
from lbdnn.networks import (
    Affine,
    Chain,
    FullyConnected,
    ModelError,
    Pointwise,
    Repeat,
    Residual,
    Scaling,
    read,
    write,
)

save_file = pytest.importorskip("safetensors.numpy").save_file
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def chains(draw):
    inputs = draw(st.integers(1, 3))
    operations, size = [], inputs
    for _ in range(draw(st.integers(1, 4))):
        match draw(st.integers(0, 4)):
            case 0:
                n_out = draw(st.integers(1, 3))
                operations.append(Affine(size, n_out, draw(st.booleans())))
                size = n_out
            case 1:
                operations.append(Pointwise(get(draw(st.sampled_from(names())))))
            case 2:
                vector = st.lists(finite, min_size=size, max_size=size).map(tuple)
                operations.append(Scaling(draw(vector), draw(vector)))
            case 3:
                block = (Pointwise(get("tanh")), Affine(size, size, draw(st.booleans())))
                operations.append(Repeat(block, draw(st.integers(1, 3))))
            case 4:
                block = Residual((Pointwise(get("tanh")), Affine(size, size)))
                operations += [Residual((block, block)), Repeat((block,), draw(st.integers(1, 2)))]
    return Chain(tuple(operations), inputs)


@given(chains(), st.sampled_from([np.float32, np.float64]), st.data())
@settings(max_examples=30, deadline=None)
def test_bit_for_bit(folder, net, dtype, data):
    width = 32 if dtype == np.float32 else 64
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=width)
    vector = data.draw(st.lists(numbers, min_size=net.size, max_size=net.size))
    theta = net.unravel(np.array(vector, dtype))
    write(folder / "own.safetensors", net, theta)
    back = read(folder / "own.safetensors")
    assert back.net == net and back.name == "own" and back.inputs is None
    assert jax.tree.structure(back.theta) == jax.tree.structure(theta)
    for mine, theirs in zip(jax.tree.leaves(back.theta), jax.tree.leaves(theta), strict=True):
        assert isinstance(mine, np.ndarray) and mine.dtype == dtype
        assert mine.tobytes() == theirs.tobytes()


def test_parameters_of_jax_and_a_box_of_inputs(folder):
    net = FullyConnected((2, 3, 3, 3, 1), "leaky_relu(0.125)")
    theta = net.init(jax.random.key(0))
    write(folder / "own.safetensors", net, theta, inputs=(-1.0, [1.0, 2.5]))
    back = read(folder / "own.safetensors")
    assert back.net == net
    np.testing.assert_array_equal(net.ravel(back.theta), net.ravel(theta))
    np.testing.assert_array_equal(back.inputs, [[-1.0, -1.0], [1.0, 2.5]])


def test_half_precision_is_widened_without_change(folder):
    net = FullyConnected((1, 1))
    weights = jnp.array([[0.1, 0.2]], jnp.bfloat16)
    write(folder / "own.safetensors", net, (weights,))
    (back,) = read(folder / "own.safetensors").theta
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, np.asarray(weights).astype(np.float64))


def test_a_scaling_given_in_whole_numbers(folder):
    net = Chain((Scaling((2, np.float32(0.1)), (0, 1)), Affine(2, 1)), 2)
    write(folder / "own.safetensors", net, (None, np.ones((1, 3))))
    assert read(folder / "own.safetensors").net == net


def own_activation(**changes):
    return dataclasses.replace(get("tanh"), **({"name": "mine"} | changes))


def test_an_activation_of_ones_own(folder):
    net = FullyConnected((1, 2, 2, 2, 1), own_activation())
    path = folder / "own.safetensors"
    write(path, net, net.init(jax.random.key(0)))
    with pytest.raises(ModelError, match=r"'mine' is its writer's own; pass activations="):
        read(path)
    assert read(path, activations={"mine": own_activation()}).net == net


def test_an_activation_that_takes_a_known_name_is_not_mistaken_for_it(folder):
    other = own_activation(name="tanh", limits=((-2.0, 2.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)))
    assert other != get("tanh")
    net = FullyConnected((1, 2, 1), other)
    path = folder / "own.safetensors"
    write(path, net, net.init(jax.random.key(0)))
    with pytest.raises(ModelError, match="its writer's own"):
        read(path)
    assert read(path, activations={"tanh": other}).net == net
    both = FullyConnected((1, 2, 2, 1), (other, "tanh"))
    with pytest.raises(ModelError, match="share a name"):
        write(path, both, both.init(jax.random.key(0)))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(folder, monkeypatch):
    place = folder / "atomic"
    place.mkdir()
    path = place / "own.safetensors"
    net = FullyConnected((1, 2, 1))
    theta = net.init(jax.random.key(0))
    write(path, net, theta)
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write(path, net, net.init(jax.random.key(1)))
    assert path.read_bytes() == before
    assert [p.name for p in place.iterdir()] == ["own.safetensors"]


def test_what_cannot_be_written(folder):
    net = FullyConnected((1, 2, 1))
    theta = net.init(jax.random.key(0))
    with pytest.raises(ModelError, match="suffix"):
        write(folder / "own.txt", net, theta)
    with pytest.raises(ModelError, match="layer 0 of θ holds NaN"):
        write(folder / "own.safetensors", net, jax.tree.map(lambda leaf: leaf * jnp.nan, theta))
    with pytest.raises(ModelError, match="tuple of 3 entries"):
        write(folder / "own.safetensors", net, theta[:2])
    with pytest.raises(ModelError, match="box of inputs"):
        write(folder / "own.safetensors", net, theta, inputs=(1.0, 0.0))
    with pytest.raises(ModelError, match=r"own\.safetensors: the network cannot be written"):
        write(folder / "own.safetensors", net, theta, inputs=([0.0, 0.0], [1.0, 1.0]))
    infinite = Chain((Scaling((np.inf,), (0.0,)), *net.operations), 1)
    with pytest.raises(ModelError, match="the network cannot be written"):
        write(folder / "own.safetensors", infinite, (None, *theta))
    long = Chain((Affine(1, 1), *[Pointwise(get("tanh"))] * 10_000), 1)
    with pytest.raises(ModelError, match="10000 operations"):
        write(folder / "own.safetensors", long, (np.ones((1, 2)), *[None] * 10_000))


GOOD = {
    "version": 1,
    "inputs": 2,
    "operations": [{"affine": [2, 1], "bias": True}, {"activation": "tanh", "custom": False}],
}
BOMB = [{"affine": [2, 2], "bias": False}]
for _ in range(6):
    BOMB = [{"repeat": BOMB, "times": 100}]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"version": 2}, "version is 2; 1 is supported"),
        ({"inputs": 3}, "an affine layer of 2 inputs is given 3"),
        ({"inputs": 10**12}, "no whole number from 1 to"),
        ({"inputs": True}, "True is no whole number"),
        ({"operations": "none"}, "a list of at most 10000 operations"),
        ({"operations": BOMB}, "a list of at most 10000 operations"),
        ({"operations": [{"repeat": [], "times": 10**9}]}, "no whole number"),
        ({"operations": [{"residual": {}}]}, r"'residual': \{\}\} is unknown"),
        ({"operations": [{"residual": GOOD["operations"]}]}, "a residual block must keep its size"),
        ({"operations": [{"softmax": 1}]}, "'softmax': 1.* is unknown"),
        ({"operations": [{"activation": "tanhh", "custom": False}]}, "tanhh"),
        ({"operations": [{"scale": ["a"], "offset": [0.0]}]}, "'a' in a scaling"),
        ({"operations": [{"affine": [2, 2], "bias": True}]}, r"\(2, 3\)"),
        ({"operations": []}, "0 layers V0, V1, …; the file has the tensors"),
        ({"box": [[0.0, 0.0], [1.0]]}, "the box of inputs"),
        ({"box": [[0.0, 2.0], [1.0, 1.0]]}, "the box of inputs"),
    ],
)
def test_a_wrong_description(folder, change, message):
    path = folder / "wrong.safetensors"
    save_file({"V0": np.ones((1, 3))}, path, {"lbdnn": json.dumps(GOOD | change)})
    with pytest.raises(ModelError, match=r"wrong\.safetensors: .*" + message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_deeply_nested_or_broken_json(folder):
    path = folder / "wrong.safetensors"
    for text in ("[" * 100_000, "{", "3", "null", '{"version": NaN}'):
        save_file({"V0": np.ones((1, 3))}, path, {"lbdnn": text})
        with pytest.raises(ModelError):
            read(path)


def test_options_that_do_not_belong(folder):
    net = FullyConnected((1, 2, 1))
    write(folder / "own.safetensors", net, net.init(jax.random.key(0)))
    with pytest.raises(ModelError, match="says its activations and layers itself"):
        read(folder / "own.safetensors", activation="relu")
