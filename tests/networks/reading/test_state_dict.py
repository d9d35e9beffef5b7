"""PyTorch state dicts saved as safetensors."""

import numpy as np
import pytest

from lbdnn.networks import ModelError, read

save_file = pytest.importorskip("safetensors.numpy").save_file


@pytest.fixture
def save(folder):
    def write(tensors, name="torch.safetensors"):
        save_file(tensors, folder / name, {"format": "pt"})
        return folder / name

    return write


def state_dict(prefixes, width=3, bias=True):
    """Square layers, so that only the names tell their order."""
    rng = np.random.default_rng(0)
    tensors = {}
    for prefix in prefixes:
        tensors[f"{prefix}.weight"] = rng.normal(size=(width, width)).astype(np.float32)
        if bias:
            tensors[f"{prefix}.bias"] = rng.normal(size=width).astype(np.float32)
    return tensors


def by_hand(tensors, prefixes, x):
    for j, prefix in enumerate(prefixes):
        x = np.tanh(x) if j else x
        x = x @ tensors[f"{prefix}.weight"].T.astype(float) + tensors.get(f"{prefix}.bias", 0)
    return x


@pytest.mark.parametrize(
    "prefixes",
    [
        ["0", "2", "4"],
        [str(2 * j) for j in range(12)],
        ["fc1", "fc2", "fc10"],
        ["net.0", "net.2"],
        ["block1.fc1", "block1.fc2", "block2.fc1"],
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_numbered_layers_in_numeric_order(save, value, prefixes, bias):
    tensors = state_dict(prefixes, bias=bias)
    model = read(save(tensors), activation="tanh")
    points = np.random.default_rng(1).normal(size=(4, 3))
    np.testing.assert_allclose(value(model, points), by_hand(tensors, prefixes, points), atol=1e-12)
    assert model.name == "torch"


def test_named_layers_need_their_order(save, value):
    prefixes = ["inner", "middle", "a_last"]
    tensors = state_dict(prefixes)
    path = save(tensors)
    with pytest.raises(ModelError, match=r"differ in more than numbers.*layers="):
        read(path, activation="tanh")
    model = read(path, activation="tanh", layers=prefixes)
    points = np.ones((1, 3))
    np.testing.assert_allclose(value(model, points), by_hand(tensors, prefixes, points), atol=1e-12)
    with pytest.raises(ModelError, match="layers lists"):
        read(path, activation="tanh", layers=prefixes[:2])


def test_one_layer_without_prefix(save):
    model = read(save({"weight": np.ones((2, 3)), "bias": np.zeros(2)}))
    assert (model.net.inputs, model.net.outputs) == (3, 2)


def test_half_precisions_are_widened_without_change(save):
    import ml_dtypes

    for dtype in (np.float16, ml_dtypes.bfloat16):
        weight = np.array([[0.1, 1e-3]]).astype(dtype)
        (matrix,) = read(save({"weight": weight})).theta
        assert matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix, weight.astype(np.float64))


def test_output_and_activations_per_layer(save, value):
    tensors = state_dict(["0", "1"])
    model = read(save(tensors), activation=["sin"], output="tanh")
    x = np.ones((1, 3))
    y = np.sin(x @ tensors["0.weight"].T.astype(float) + tensors["0.bias"])
    expected = np.tanh(y @ tensors["1.weight"].T.astype(float) + tensors["1.bias"])
    np.testing.assert_allclose(value(model, x), expected, atol=1e-12)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"1.running_mean": np.ones(3)}, "'1.running_mean' is no part of a linear layer"),
        ({"2.bias": np.ones(3)}, "'2.bias' is no part of a linear layer"),
        ({"1.bias": np.ones(4)}, r"'1.bias' has a bias of shape \(4,\); \(3,\) is expected"),
        ({"1.weight": np.ones((3, 4))}, r"'1.weight' has a weight of shape \(3, 4\)"),
        ({"1.weight": np.ones((3, 3, 1))}, r"'1.weight' has shape \(3, 3, 1\)"),
        ({"1.weight": np.full((3, 3), np.nan)}, "'1.weight' holds NaN"),
        ({"1.weight": np.ones((3, 3), np.int32)}, "'1.weight' holds I32; F64, F32"),
    ],
)
def test_refused(save, change, message):
    with pytest.raises(ModelError, match=r"torch\.safetensors: .*" + message):
        read(save(state_dict(["0", "1"]) | change), activation="tanh")


def test_the_activation_must_be_given(save):
    with pytest.raises(ModelError, match="weights do not say which activation"):
        read(save(state_dict(["0", "1"])))
    with pytest.raises(ModelError, match="this is a state dict"):
        read(save(state_dict(["0", "1"])), activations={})


def test_a_truncated_file(save):
    path = save(state_dict(["0", "1"]))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        read(path, activation="tanh")
