"""Damaged files give a ModelError or a valid model: no crash, no huge allocation."""

import tracemalloc

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.networks import FullyConnected, ModelError, read, write

TOO_MUCH = 2**26  # bytes, for files of a few hundred


def text_file(path):
    numbers = np.random.default_rng(0).normal(size=6 + 6 + 3).tolist()
    path.write_text("\n".join(map(str, [2, 1, 2, 2, 2, *numbers, 0.5, 22])) + "\n")


def nnet_file(path):
    head = "// comment\n2,2,1,3,\n2,3,1,\n0,\n-1,-1,\n1,1,\n0,0.5,1,\n1,2,3,\n"
    path.write_text(head + "0.5,-1,\n0.25,2,\n1.5,3e-1,\n1,\n2,\n3,\n1,2,3,\n.5,\n")


def own_file(path):
    pytest.importorskip("safetensors")
    net = FullyConnected((2, 3, 3, 3, 1), "elu(0.5)", input_scaling=((1, 2), (0, 0.5)))
    write(path, net, net.init(jax.random.key(0)), inputs=(-1, 1))


def state_dict_file(path):
    save_file = pytest.importorskip("safetensors.numpy").save_file
    tensors = {"0.weight": np.ones((3, 2)), "0.bias": np.ones(3, np.float16)}
    save_file(tensors | {"2.weight": np.ones((1, 3), np.float32)}, path)


def onnx_model_file(path):
    onnx = pytest.importorskip("onnx")
    node, helper = onnx.helper.make_node, onnx.helper
    values = np.array([1, 2, 3], np.float32)
    constants = {
        "mean": values[:2], "shape": np.array([-1, 2]), "W": np.ones((3, 2), np.float32),
        "b": values.astype(np.float16), "V": np.ones((3, 3), np.float32), "axis": np.array([1]),
        "low": np.float32(-1), "high": np.float32(2),
    }  # fmt: skip
    nodes = [
        node("Sub", ["x", "mean"], ["a"], name="shift"),
        node("Reshape", ["a", "shape"], ["b0"]),
        node("Gemm", ["b0", "W", "b"], ["c"], alpha=0.5, transB=1),
        node("LeakyRelu", ["c"], ["d"], alpha=0.1),
        node("Constant", [], ["k"], value=onnx.numpy_helper.from_array(values)),
        node("Transpose", ["V"], ["Vt"], perm=[1, 0]),
        node("MatMul", ["d", "Vt"], ["e"]),
        node("Add", ["e", "k"], ["f"]),
        node("BatchNormalization", ["f", "k", "k", "k", "k"], ["g"]),
        node("Unsqueeze", ["g", "axis"], ["h"]),
        node("Flatten", ["h"], ["i"]),
        node("Clip", ["i", "low", "high"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "graph",
        [helper.make_tensor_value_info("x", 1, ["N", 1, 2])],
        [helper.make_tensor_value_info("y", 1, ["N", 3])],
        [onnx.numpy_helper.from_array(np.asarray(a), k) for k, a in constants.items()],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 15)]
    path.write_bytes(helper.make_model(graph, opset_imports=opset).SerializeToString())


FORMATS = {
    "list.txt": (text_file, {}),
    "net.nnet": (nnet_file, {}),
    "own.safetensors": (own_file, {}),
    "torch.safetensors": (state_dict_file, {"activation": "tanh"}),
    "graph.onnx": (onnx_model_file, {}),
}
place = st.integers(0, 2**16)
damages = st.lists(
    st.one_of(
        st.tuples(st.just("set"), place, st.integers(0, 255).map(lambda b: bytes([b]))),
        st.tuples(st.just("insert"), place, st.binary(min_size=1, max_size=6)),
        st.tuples(st.just("insert"), place, st.sampled_from([b"9" * 12, b"nan", b"-1", b"1e999"])),
        st.tuples(st.just("insert"), place, st.just(b"\xff" * 9 + b"\x01")),
        st.tuples(st.just("delete"), place, st.binary(min_size=1, max_size=6)),
        st.tuples(st.just("cut"), place, st.just(b"")),
    ),
    min_size=1,
    max_size=3,
)


def damaged(content: bytes, damage) -> bytes:
    result = bytearray(content)
    for kind, where, piece in damage:
        i = where % max(len(result), 1)
        match kind:
            case "set":
                result[i : i + 1] = piece
            case "insert":
                result[i:i] = piece
            case "delete":
                del result[i : i + len(piece)]
            case "cut":
                del result[i:]
    return bytes(result)


def read_or_refuse(path, options) -> bool:
    """Whether the file was read; anything but a ModelError or a valid model fails."""
    tracemalloc.start()
    try:
        model = read(path, **options)
    except ModelError as error:
        assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < 1000
        return False
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < TOO_MUCH
    model.net.validate(model.theta)
    assert model.net.outputs >= 1
    return True


@pytest.mark.parametrize("name", FORMATS)
def test_damaged(folder, name):
    make, options = FORMATS[name]
    make(folder / name)
    content = (folder / name).read_bytes()
    assert read_or_refuse(folder / name, options)

    @given(damages)
    @settings(max_examples=150, deadline=None)
    def check(damage):
        path = folder / f"damaged_{name}"
        path.write_bytes(damaged(content, damage))
        read_or_refuse(path, options)

    check()


@pytest.mark.parametrize("name", FORMATS)
def test_every_truncation_is_refused(folder, name):
    make, options = FORMATS[name]
    make(folder / name)
    content = (folder / name).read_bytes()
    path = folder / f"cut_{name}"
    # A number, or an empty field at the end of a message, can be cut and still be whole.
    whole = 5 if name.endswith((".txt", ".nnet")) else 1
    step = 1 if len(content) < 400 else 7
    for length in range(0, len(content) - whole, step):
        path.write_bytes(content[:length])
        assert not read_or_refuse(path, options), length
