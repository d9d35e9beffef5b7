"""Fixtures for the readers' tests."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A folder for files that a test writes and reads at once."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def value() -> Callable:
    """(model, points (m, n)) -> Φ at the points, (m, n_out), in 64-bit arithmetic."""

    def evaluate(model, points):
        with jax.enable_x64(True):
            mapped = jax.jit(jax.vmap(model.net, (None, 0)))
            return np.asarray(mapped(model.theta, np.asarray(points, np.float64)))

    return evaluate


@pytest.fixture(scope="session")
def onnx_file(folder) -> Callable:
    """Writes a graph from x to y to a file: (nodes, initialisers, input's shape) -> path."""
    onnx = pytest.importorskip("onnx")

    def write(nodes, initialisers, shape, *, opset=20, dtype=np.float64, name="graph.onnx"):
        kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        graph = onnx.helper.make_graph(
            nodes,
            "graph",
            [onnx.helper.make_tensor_value_info("x", kind, shape)],
            [onnx.helper.make_tensor_value_info("y", kind, None)],
            [onnx.numpy_helper.from_array(np.asarray(a), k) for k, a in initialisers.items()],
        )
        model = onnx.helper.make_model(
            graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8
        )
        path = folder / name
        path.write_bytes(model.SerializeToString())
        return path

    return write


@pytest.fixture(scope="session")
def onnx_value() -> Callable:
    """(path, points (m, n), input's shape) -> the values by onnx's reference evaluator."""
    pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    def evaluate(path, points, shape, dtype=np.float64):
        session = ReferenceEvaluator(str(path))
        return np.stack(
            [session.run(None, {"x": p.reshape(shape).astype(dtype)})[0].ravel() for p in points]
        )

    return evaluate


@pytest.fixture(scope="session")
def runtime_value() -> Callable:
    """(path or bytes, points (m, n), input's shape) -> the values by onnxruntime, float32."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1

    def evaluate(model, points, shape):
        content = model if isinstance(model, bytes) else Path(model).read_bytes()
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        (entry,) = [i.name for i in session.get_inputs()]
        return np.stack(
            [
                session.run(None, {entry: p.reshape(shape).astype(np.float32)})[0].ravel()
                for p in points
            ]
        )

    return evaluate
