"""ONNX operators one by one, older opsets, legacy forms and weights in other precisions."""

import numpy as np
import pytest

from lbdnn.activations import get
from lbdnn.networks import Affine, Pointwise, Scaling, read

onnx = pytest.importorskip("onnx")
node = onnx.helper.make_node

POINTS = np.linspace(-3, 3, 13)[:, None] * np.array([1.0, -0.4])
ACTIVATIONS = {
    "Relu": ({}, "relu"),
    "LeakyRelu": ({"alpha": 0.25}, "leaky_relu(0.25)"),
    "Elu": ({"alpha": 0.5}, "elu(0.5)"),
    "Celu": ({"alpha": 2.0}, "celu(2.0)"),
    "Selu": ({}, "selu"),
    "HardSigmoid": ({"alpha": 0.25, "beta": 0.375}, "hardsigmoid(0.25, 0.375)"),
    "HardSwish": ({}, "hardswish"),
    "Softplus": ({}, "softplus"),
    "Softsign": ({}, "softsign"),
    "Gelu": ({}, "gelu"),
    "Mish": ({}, "mish"),
    "Tanh": ({}, "tanh"),
    "Sigmoid": ({}, "sigmoid"),
    "Sin": ({}, "sin"),
    "Atan": ({}, "arctan"),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activation(kind, onnx_file, onnx_value, value):
    attributes, spec = ACTIVATIONS[kind]
    path = onnx_file([node(kind, ["x"], ["y"], **attributes)], {}, ["N", 2], opset=22)
    model = read(path)
    assert model.net.operations == (Pointwise(get(spec)),)
    expected = onnx_value(path, POINTS, (1, 2))
    # Constants of the standard (Selu, erf of the evaluator) are known to single precision.
    np.testing.assert_allclose(value(model, POINTS), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", ["LeakyRelu", "Elu", "Celu", "HardSigmoid"])
def test_activation_with_the_standards_defaults(kind, onnx_file, runtime_value, value):
    path = onnx_file([node(kind, ["x"], ["y"])], {}, [1, 2], dtype=np.float32)
    expected = runtime_value(path, POINTS, (1, 2))
    np.testing.assert_allclose(value(read(path), POINTS), expected, rtol=1e-5, atol=1e-6)


def test_gelu_by_tanh(onnx_file, onnx_value, value):
    path = onnx_file([node("Gelu", ["x"], ["y"], approximate="tanh")], {}, [1, 2])
    model = read(path)
    assert model.net.operations == (Pointwise(get("gelu_tanh")),)
    expected = onnx_value(path, POINTS, (1, 2))
    # The evaluator's own constant has single precision.
    np.testing.assert_allclose(value(model, POINTS), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "low, high, spec",
    [(-1.0, 1.0, "hardtanh"), (0.0, 6.0, "hardtanh(0, 6)"), (-2.0, 0.5, "hardtanh(-2, 0.5)")],
)
def test_clip_in_both_forms(low, high, spec, onnx_file, runtime_value, value):
    ends = {"low": np.float32(low), "high": np.float32(high)}
    new = onnx_file([node("Clip", ["x", "low", "high"], ["y"])], ends, [1, 2], dtype=np.float32)
    expected = runtime_value(new, POINTS, (1, 2))
    np.testing.assert_allclose(value(read(new), POINTS), expected, atol=1e-6)
    assert read(new).net.operations == (Pointwise(get(spec)),)
    old = onnx_file([node("Clip", ["x"], ["y"], min=low, max=high)], {}, [1, 2], opset=10)
    assert read(old).net == read(new).net


def test_clip_from_below_at_zero_is_relu(onnx_file):
    nodes = [node("Clip", ["x", "low"], ["y"])]
    model = read(onnx_file(nodes, {"low": np.array(0.0)}, [1, 2]))
    assert model.net.operations == (Pointwise(get("relu")),)


def test_prelu_with_one_slope(onnx_file, onnx_value, value):
    path = onnx_file([node("PRelu", ["x", "s"], ["y"])], {"s": np.full(2, 0.3)}, [1, 2])
    expected = onnx_value(path, POINTS, (1, 2))
    np.testing.assert_allclose(value(read(path), POINTS), expected, atol=1e-13)


def test_an_add_after_matmul_is_its_bias_and_any_other_is_fixed(onnx_file):
    nodes = [
        node("Add", ["x", "c"], ["t"]),
        node("MatMul", ["t", "w"], ["u"]),
        node("Add", ["u", "b"], ["v"]),
        node("Add", ["v", "b"], ["y"]),
    ]
    constants = {"c": np.ones(2), "w": np.arange(6.0).reshape(2, 3), "b": np.array([1.0, 2, 3])}
    model = read(onnx_file(nodes, constants, ["N", 2]))
    first, affine, last = model.net.operations
    assert first == Scaling((1.0, 1.0), (1.0, 1.0))
    assert affine == Affine(2, 3)
    assert last == Scaling((1.0,) * 3, (1.0, 2.0, 3.0))
    (matrix,) = model.net.weights(model.theta)
    np.testing.assert_array_equal(matrix, [[0, 3, 1], [1, 4, 2], [2, 5, 3]])


def test_weights_keep_the_precision_of_the_file(onnx_file):
    w = np.array([[0.1, 0.2]])
    for dtype in (np.float32, np.float64):
        path = onnx_file(
            [node("MatMul", ["x", "w"], ["y"])], {"w": w.T.astype(dtype)}, [1, 2], dtype=dtype
        )
        (matrix,) = read(path).net.weights(read(path).theta)
        assert isinstance(matrix, np.ndarray) and matrix.dtype == dtype
        np.testing.assert_array_equal(matrix, w.astype(dtype))


def test_half_precision_is_widened_without_change(onnx_file):
    half = np.array([[0.1], [-1e-6]], np.float16)
    path = onnx_file([node("MatMul", ["x", "w"], ["y"])], {"w": half}, [1, 2], dtype=np.float16)
    (matrix,) = read(path).net.weights(read(path).theta)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, half.T.astype(np.float64))
    import ml_dtypes

    brain = np.array([[0.1], [3e38]], ml_dtypes.bfloat16)
    path = onnx_file(
        [node("MatMul", ["x", "w"], ["y"])], {"w": brain}, [1, 2], dtype=ml_dtypes.bfloat16
    )
    (matrix,) = read(path).net.weights(read(path).theta)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, brain.T.astype(np.float64))


def test_a_factor_of_gemm_is_exact_in_float64(onnx_file):
    w = np.array([[0.1], [0.7]], np.float32)
    path = onnx_file(
        [node("Gemm", ["x", "w"], ["y"], alpha=0.3)], {"w": w}, [1, 2], dtype=np.float32
    )
    (matrix,) = read(path).net.weights(read(path).theta)
    assert matrix.dtype == np.float64
    from fractions import Fraction

    for entry, stored in zip(w.ravel(), matrix.ravel(), strict=True):
        assert Fraction(float(stored)) == Fraction(float(entry)) * Fraction(float(np.float32(0.3)))


def test_constants_from_nodes_and_folded(onnx_file, onnx_value, value):
    matrix = onnx.numpy_helper.from_array(np.arange(6.0).reshape(3, 2))
    nodes = [
        node("Constant", [], ["w"], value=matrix),
        node("Transpose", ["w"], ["wt"], perm=[1, 0]),
        node("Constant", [], ["shape"], value_ints=[1, -1]),
        node("Reshape", ["x", "shape"], ["flat"]),
        node("MatMul", ["flat", "wt"], ["y"]),
    ]
    path = onnx_file(nodes, {}, [1, 1, 2])
    expected = onnx_value(path, POINTS, (1, 1, 2))
    np.testing.assert_allclose(value(read(path), POINTS), expected, atol=1e-12)


@pytest.mark.parametrize("opset", [5, 6])
def test_legacy_form_with_singleton_axes(opset, onnx_file, runtime_value, value):
    """As in ARCH-COMP's ACC: opset 6, rank-4 input of Gemm, Sub with `broadcast`."""
    rng = np.random.default_rng(0)
    W0, b0 = rng.normal(size=(4, 2)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    W1, b1 = rng.normal(size=(1, 4)).astype(np.float32), rng.normal(size=1).astype(np.float32)
    mean = np.array([[[[1.0, 2.0]]]], np.float32)
    constants = {"m": mean, "W0": W0, "b0": b0, "W1": W1, "b1": b1}

    def nodes(**legacy):
        return [
            node("Sub", ["x", "m"], ["a"], **legacy),
            node("Gemm", ["a", "W0", "b0"], ["b"], transB=1, **legacy),
            node("Relu", ["b"], ["c"]),
            node("Gemm", ["c", "W1", "b1"], ["y"], transB=1, **legacy),
        ]

    path = onnx_file(nodes(broadcast=1), constants, [1, 1, 1, 2], opset=opset, dtype=np.float32)
    model = read(path)
    assert model.net.operations[0] == Scaling((1.0, 1.0), (-1.0, -2.0))
    points = POINTS.astype(np.float32).astype(np.float64)
    by_hand = np.maximum((points - mean.ravel()) @ W0.T.astype(float) + b0, 0) @ W1.T + b1
    np.testing.assert_allclose(value(model, points), by_hand, atol=1e-12)
    valid = onnx_file(nodes(), constants | {"m": mean.reshape(1, 2)}, [1, 2], dtype=np.float32)
    np.testing.assert_allclose(by_hand, runtime_value(valid, points, (1, 2)), atol=1e-5)


def test_legacy_broadcast_along_an_axis(onnx_file, value):
    constants = {"c": np.array([10.0, 20.0])}
    nodes = [node("Add", ["x", "c"], ["y"], broadcast=1, axis=1)]
    model = read(onnx_file(nodes, constants, [1, 2, 3], opset=6))
    point = np.arange(6.0)
    expected = (point.reshape(2, 3) + np.array([[10.0], [20.0]])).ravel()
    np.testing.assert_array_equal(value(model, point[None]), [expected])


def test_convolutions_over_the_whole_input(onnx_file, runtime_value, value):
    """As in ARCH-COMP's TORA: Sub, a 1×4 kernel, 1×1 kernels, Flatten; it ends in Relu."""
    rng = np.random.default_rng(1)
    constants = {
        "m": np.zeros((1, 1, 1, 4)),
        "W0": rng.normal(size=(3, 1, 1, 4)),
        "b0": rng.normal(size=3),
        "W1": rng.normal(size=(2, 3, 1, 1)),
    }
    nodes = [
        node("Sub", ["x", "m"], ["a"]),
        node("Conv", ["a", "W0", "b0"], ["b"], kernel_shape=[1, 4], strides=[1, 1]),
        node("Relu", ["b"], ["c"]),
        node("Conv", ["c", "W1"], ["d"], pads=[0, 0, 0, 0], dilations=[1, 1], group=1),
        node("Relu", ["d"], ["e"]),
        node("Flatten", ["e"], ["y"]),
    ]
    constants = {k: a.astype(np.float32) for k, a in constants.items()}
    path = onnx_file(nodes, constants, [1, 1, 1, 4], opset=8, dtype=np.float32)
    model = read(path)
    # Subtracting zeros is no operation.
    assert [type(o) for o in model.net.operations] == [Affine, Pointwise, Affine, Pointwise]
    assert model.net.size == 3 * 5 + 2 * 3
    points = rng.normal(size=(5, 4)).astype(np.float32)
    expected = runtime_value(path, points, (1, 1, 1, 4))
    np.testing.assert_allclose(value(model, points), expected, atol=1e-5)


def test_equal_layers_are_stacked_as_the_constructor_does(onnx_file):
    from lbdnn.networks import FullyConnected

    nodes, constants, before = [], {}, "x"
    for j, (n, m) in enumerate([(2, 3), (3, 3), (3, 3), (3, 1)]):
        constants |= {f"w{j}": np.full((n, m), j + 1.0), f"b{j}": np.zeros(m)}
        nodes.append(node("Gemm", [before, f"w{j}", f"b{j}"], [f"g{j}"]))
        nodes.append(node("Tanh", [f"g{j}"], [f"t{j}"]))
        before = f"t{j}"
    nodes[-2].output[0] = "y"
    model = read(onnx_file(nodes[:-1], constants, ["N", 2]))
    assert model.net == FullyConnected((2, 3, 3, 3, 1))
    assert [w[0, 0] for w in model.net.weights(model.theta)] == [1.0, 2.0, 3.0, 4.0]


def test_weights_in_a_file_beside_it(onnx_file, folder, onnx_value, value):
    rng = np.random.default_rng(2)
    path = onnx_file(
        [node("MatMul", ["x", "w"], ["y"])], {"w": rng.normal(size=(2, 3))}, [1, 2], name="out.onnx"
    )
    model = onnx.load(path)
    onnx.save_model(model, path, save_as_external_data=True, location="out.data", size_threshold=0)
    assert (folder / "out.data").exists() and not onnx.load(
        path, load_external_data=False
    ).graph.initializer[0].raw_data
    expected = onnx_value(path, POINTS, (1, 2))
    np.testing.assert_allclose(value(read(path), POINTS), expected, atol=1e-13)
