"""ONNX files that cannot be a chain: one sentence that names the place."""

import numpy as np
import pytest

from lbdnn.networks import ModelError, read

onnx = pytest.importorskip("onnx")
node = onnx.helper.make_node
W, B = np.ones((2, 3)), np.ones(3)


def matmul(**options):
    return [node("MatMul", ["x", "w"], ["y"], name="first", **options)]


CASES = {
    "operator": ([node("Softmax", ["x"], ["y"], name="top")], {}, r"'top' \(Softmax\).*Gemm"),
    "domain": (
        [node("Gemm", ["x", "w"], ["y"], name="own", domain="my.company")],
        {"w": W},
        r"'own' \(Gemm\): the operator is not supported",
    ),
    "branch": (
        [node("Relu", ["x"], ["a"]), node("Add", ["x", "a"], ["y"], name="skip")],
        {},
        r"'skip' \(Add\) takes \['x', 'a'\].*straight line",
    ),
    "NaN": (matmul(), {"w": W * np.nan}, "tensor 'w' holds NaN or infinity"),
    "infinity": (matmul(), {"w": W * np.inf}, "tensor 'w' holds NaN or infinity"),
    "integers": (matmul(), {"w": W.astype(np.int64)}, "tensor 'w' holds int64.*float32"),
    "complex": (matmul(), {"w": W.astype(np.complex64)}, "'w' has element type COMPLEX64"),
    "shape": (matmul(), {"w": np.ones((4, 3))}, r"'first' \(MatMul\).*\(3, 4\).*\(outputs, 2\)"),
    "bias": (
        [node("Gemm", ["x", "w", "b"], ["y"], name="g")],
        {"w": W, "b": np.ones(2)},
        r"'g' \(Gemm\): a constant of shape \(2,\)",
    ),
    "training": (
        [node("BatchNormalization", ["x", "c", "c", "c", "c"], ["y"], training_mode=1)],
        {"c": np.ones(2)},
        "training mode",
    ),
    "dropout": (
        [node("Dropout", ["x", "r", "t"], ["y"])],
        {"r": np.array(0.5), "t": np.array(True)},
        "training mode",
    ),
    "division": (
        [node("Div", ["c", "x"], ["y"], name="d")], {"c": np.ones(2)}, r"'d' \(Div\): only division"
    ),
    "zero": ([node("Div", ["x", "c"], ["y"])], {"c": np.array([1.0, 0])}, "without zeros"),
    "negative variance": (
        [node("BatchNormalization", ["x", "c", "c", "c", "v"], ["y"])],
        {"c": np.ones(2), "v": -np.ones(2)},
        "scales by NaN or infinity",
    ),
    "reshape": (
        [node("Reshape", ["x", "s"], ["y"])], {"s": np.array([1, 3])}, r"\(1, 2\) cannot take"
    ),
    "computed shape": (
        [node("Shape", ["x"], ["s"]), node("Reshape", ["x", "s"], ["y"])], {}, "Shape"
    ),
    "cast": ([node("Cast", ["x"], ["y"], to=7)], {}, "only casts to float and double"),
    "different slopes": (
        [node("PRelu", ["x", "s"], ["y"])], {"s": np.array([0.1, 0.2])}, "different values"
    ),
    "attribute": (
        [node("LeakyRelu", ["x"], ["y"], alpha="steep", name="l")], {}, "alpha has the wrong type"
    ),
    "broadcast": ([node("Add", ["x", "c"], ["y"])], {"c": np.ones((3, 2))}, r"\(3, 2\) does not"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_refused(case, onnx_file):
    nodes, constants, message = CASES[case]
    with pytest.raises(ModelError, match=message) as caught:
        read(onnx_file(nodes, constants, ["N", 2]))
    assert "graph.onnx" in str(caught.value) and "\n" not in str(caught.value)


def test_a_transpose_that_reorders(onnx_file):
    nodes = [node("Transpose", ["x"], ["y"], perm=[0, 2, 1], name="turn")]
    with pytest.raises(ModelError, match=r"'turn' \(Transpose\): perm \[0, 2, 1\] reorders"):
        read(onnx_file(nodes, {}, ["N", 2, 3]))


@pytest.mark.parametrize(
    "kernel, shape, attributes",
    [
        ((3, 1, 2), (1, 1, 4), {}),
        ((3, 1, 2), (1, 1, 2), {"pads": [1, 1]}),
        ((4, 1, 2), (1, 2, 2), {"group": 2}),
        ((3, 1, 2), (1, 1, 3), {"dilations": [2]}),
    ],
)
def test_a_convolution_over_a_part(kernel, shape, attributes, onnx_file):
    nodes = [node("Conv", ["x", "w"], ["y"], name="patch", **attributes)]
    with pytest.raises(ModelError, match=r"'patch' \(Conv\): a kernel.*cover the whole input"):
        read(onnx_file(nodes, {"w": np.ones(kernel)}, shape))


@pytest.mark.parametrize(
    "shape, message",
    [
        ([4, 2], "one row"),
        (["N", "M"], "only the first, the batch, may be free"),
        ([], "from 1 to"),
        ([1, 2**40], "the input has 1099511627776 values"),
    ],
)
def test_wrong_input_shapes(shape, message, onnx_file):
    with pytest.raises(ModelError, match=message):
        read(onnx_file(matmul(), {"w": W}, shape))


def test_two_inputs_and_two_outputs(onnx_file):
    path = onnx_file(matmul(), {"w": W}, [1, 2])
    model = onnx.load(path)
    extra = onnx.helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [1, 2])
    model.graph.input.append(extra)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"inputs \['x', 'z'\]; exactly one"):
        read(path)
    del model.graph.input[-1]
    model.graph.output.append(extra)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"outputs are \['y', 'z'\]"):
        read(path)


def with_tensor(onnx_file, change):
    path = onnx_file(matmul(), {"w": W}, [1, 2])
    model = onnx.load(path)
    change(model.graph.initializer[0])
    path.write_bytes(model.SerializeToString())
    return path


def test_a_tensor_without_its_values(onnx_file):
    def widen(tensor):
        tensor.dims[0] = 2**40

    with pytest.raises(
        ModelError, match=r"tensor 'w' of shape \(1099511627776, 3\) holds 48 bytes"
    ):
        read(with_tensor(onnx_file, widen))


@pytest.mark.parametrize("location", ["/etc/hostname", "../secret", "missing", "", "sub/w"])
def test_weights_elsewhere_on_the_machine(location, onnx_file, folder):
    (folder.parent / "secret").write_bytes(bytes(48))
    (folder / "sub").mkdir(exist_ok=True)
    (folder / "sub" / "w").write_bytes(bytes(48))

    def move(tensor):
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    with pytest.raises(ModelError, match="no file in the model's own folder"):
        read(with_tensor(onnx_file, move))


def test_weights_beside_it_that_are_cut_short(onnx_file, folder):
    (folder / "short").write_bytes(bytes(47))

    def move(tensor):
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="short")

    with pytest.raises(ModelError, match="tensor 'w' ends after its file 'short' does"):
        read(with_tensor(onnx_file, move))
