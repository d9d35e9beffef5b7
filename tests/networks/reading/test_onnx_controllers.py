"""The trained controllers of ARCH-COMP, against onnxruntime and a computation by hand.

Networks of the same forms made by the tests are in test_onnx_operators.py.
"""

import numpy as np
import pytest

from lbdnn.networks import read

onnx = pytest.importorskip("onnx")


def points(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(20, n)).astype(np.float32)


@pytest.mark.parametrize(
    "file, shape, sizes",
    [
        ("single_pendulum_2x25.onnx", (1, 2), [2, 25, 25, 1]),
        ("double_pendulum_more_robust_2x25.onnx", (1, 4), [4, 25, 25, 2]),
        ("tora_relu_3x100.onnx", (1, 1, 1, 4), [4, 100, 100, 100, 1]),
    ],
)
def test_against_onnxruntime(data, value, runtime_value, file, shape, sizes):
    path = data / "controllers" / file
    model = read(path)
    weights = model.net.weights(model.theta)
    assert [model.net.inputs, *[len(w) for w in weights]] == sizes
    assert all(w.dtype == np.float32 for w in weights)
    sigma = points(sizes[0])
    expected = runtime_value(path, sigma, shape)
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(value(model, sigma), expected, atol=2e-5 * scale)


def test_legacy_acc(data, value, runtime_value):
    path = data / "controllers" / "acc_5x20.onnx"
    with pytest.raises((onnx.checker.ValidationError, onnx.shape_inference.InferenceError)):
        onnx.checker.check_model(onnx.load(path), full_check=True)
    model = read(path)
    sigma = points(5)

    legacy = onnx.load(path)
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in legacy.graph.initializer}
    y = sigma.astype(float) - 1.0
    for j in range(1, 6):
        y = np.maximum(y @ tensors[f"Operation_{j}_W"].T + tensors[f"Operation_{j}_B"], 0)
    y = y @ tensors["linear_6_W"].T + tensors["linear_6_B"]
    np.testing.assert_allclose(value(model, sigma), y, rtol=1e-12)

    # The least that makes the file valid: rank 2, no attribute `broadcast`, a later opset.
    for entry in (*legacy.graph.input, *legacy.graph.output):
        shape = entry.type.tensor_type.shape
        while len(shape.dim) > 2:
            del shape.dim[0]
    for tensor in legacy.graph.initializer:
        while len(tensor.dims) > 2:
            del tensor.dims[0]
    for node in legacy.graph.node:
        kept = [a for a in node.attribute if a.name != "broadcast"]
        del node.attribute[:]
        node.attribute.extend(kept)
    legacy.opset_import[0].version = 9
    expected = runtime_value(legacy.SerializeToString(), sigma, (1, 5))
    np.testing.assert_allclose(value(model, sigma), expected, rtol=1e-4, atol=1e-4)
