"""Straight-line ONNX graphs that hypothesis invents, against two independent evaluators."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.networks import read

onnx = pytest.importorskip("onnx")
node = onnx.helper.make_node

ACTIVATIONS = ("Relu", "Tanh", "Sigmoid", "Sin", "Atan", "Softsign", "Softplus")


class Graph:
    """A graph in the making: every step appends nodes and knows the shape they give."""

    def __init__(self, draw, dtype):
        self.draw, self.dtype = draw, dtype
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.nodes, self.constants, self.names = [], {}, ["x"]
        self.shape = tuple(draw(st.sampled_from([(1, 3), (1, 2, 2), (1, 1, 1, 4), (1, 2, 3, 1)])))
        self.input_shape = self.shape

    @property
    def size(self):
        return int(np.prod(self.shape))

    def constant(self, *shape):
        name = f"c{len(self.constants)}"
        self.constants[name] = self.rng.uniform(0.5, 1.5, shape).astype(self.dtype)
        self.constants[name] *= self.rng.choice([-1, 1], shape)
        return name

    def integers(self, *values):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.array(values, np.int64)
        return name

    def emit(self, kind, *others, first=True, shape=None, **attributes):
        before, after = self.names[-1], f"t{len(self.names)}"
        inputs = [before, *others] if first else [*others, before]
        self.nodes.append(node(kind, inputs, [after], name=f"n{len(self.nodes)}", **attributes))
        self.names.append(after)
        self.shape = self.shape if shape is None else shape

    def flatten(self):
        if self.draw(st.booleans()):
            self.emit("Flatten", shape=(1, self.size), axis=int(self.shape[0] == 1))
        else:
            size = self.draw(st.sampled_from([-1, self.size]))
            self.emit("Reshape", self.integers(1, size), shape=(1, self.size))

    def gemm(self):
        self.flatten()
        n_in, n_out = self.size, self.draw(st.integers(1, 4))
        turned = self.draw(st.booleans())
        weight = self.constant(*((n_out, n_in) if turned else (n_in, n_out)))
        bias = self.draw(st.sampled_from([None, (n_out,), (1, n_out), (1,), ()]))
        attributes = {} if bias is None else {"beta": self.draw(st.sampled_from([1.0, 0.5, 0.3]))}
        rest = [] if bias is None else [self.constant(*bias)]
        alpha = self.draw(st.sampled_from([1.0, 2.0, 0.7]))
        shape = (1, n_out)
        self.emit("Gemm", weight, *rest, shape=shape, alpha=alpha, transB=int(turned), **attributes)

    def matmul(self):
        self.flatten()
        n_out = self.draw(st.integers(1, 4))
        if self.draw(st.booleans()):
            self.emit("MatMul", self.constant(self.size, n_out), shape=(1, n_out))
        else:
            self.emit("Transpose", shape=(self.size, 1), perm=[1, 0])
            weight = self.constant(n_out, self.size)
            self.emit("MatMul", weight, first=False, shape=(n_out, 1))
        if self.draw(st.booleans()):
            self.emit("Add", self.constant(*self.shape), first=self.draw(st.booleans()))

    def conv(self):
        if len(self.shape) < 3:
            self.emit("Reshape", self.integers(1, self.size, 1), shape=(1, self.size, 1))
        n_out, kernel = self.draw(st.integers(1, 3)), self.shape[2:]
        bias = [self.constant(n_out)] if self.draw(st.booleans()) else []
        shape = (1, n_out, *[1] * len(kernel))
        weight = self.constant(n_out, *self.shape[1:])
        self.emit("Conv", weight, *bias, shape=shape, kernel_shape=list(kernel))

    def elementwise(self):
        kind = self.draw(st.sampled_from(["Add", "Sub", "Mul", "Div"]))
        shape = self.draw(st.sampled_from([self.shape, self.shape[-1:], (), (1,)]))
        first = kind == "Div" or self.draw(st.booleans())
        self.emit(kind, self.constant(*shape), first=first)

    def normalisation(self):
        channels = self.shape[1]
        names = [self.constant(channels) for _ in range(4)]
        self.constants[names[3]] = np.abs(self.constants[names[3]])
        self.emit("BatchNormalization", *names, epsilon=1e-3)

    def shaping(self):
        match self.draw(st.integers(0, 3)):
            case 0:
                axis = self.draw(st.integers(0, len(self.shape)))
                shape = (*self.shape[:axis], 1, *self.shape[axis:])
                self.emit("Unsqueeze", self.integers(axis), shape=shape)
                self.emit("Squeeze", self.integers(axis), shape=shape[:axis] + shape[axis + 1 :])
            case 1:
                self.emit("Identity")
            case 2:
                self.emit("Dropout")
            case 3:
                to = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
                self.emit("Cast", to=to)

    def activation(self):
        self.emit(self.draw(st.sampled_from(ACTIVATIONS)))

    def finish(self):
        self.nodes[-1].output[0] = "y"


STEPS = ("gemm", "matmul", "conv", "elementwise", "normalisation", "shaping", "activation")


@st.composite
def graphs(draw, dtype, steps=STEPS):
    graph = Graph(draw, dtype)
    for step in draw(st.lists(st.sampled_from(steps), min_size=1, max_size=6)):
        getattr(graph, step)()
    graph.finish()
    return graph


def read_and_points(graph, onnx_file, dtype):
    shape = ["N", *graph.input_shape[1:]] if len(graph.input_shape) < 4 else graph.input_shape
    path = onnx_file(graph.nodes, graph.constants, shape, dtype=dtype)
    size = int(np.prod(graph.input_shape))
    return path, graph.rng.normal(size=(3, size))


@given(graphs(np.float64))
@settings(max_examples=40, deadline=None)
def test_reference_evaluator_in_float64(onnx_file, onnx_value, value, graph):
    path, points = read_and_points(graph, onnx_file, np.float64)
    model = read(path)
    expected = onnx_value(path, points, graph.input_shape)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(value(model, points), expected, rtol=1e-11, atol=1e-11 * scale)


@given(graphs(np.float32))
@settings(max_examples=15, deadline=None)
def test_onnxruntime_in_float32(onnx_file, runtime_value, value, graph):
    path, points = read_and_points(graph, onnx_file, np.float32)
    model = read(path)
    points = points.astype(np.float32)
    expected = runtime_value(path, points, graph.input_shape)
    scale = max(1.0, np.abs(expected).max())
    # The values before an activation can be larger than those after it.
    np.testing.assert_allclose(value(model, points), expected, rtol=1e-3, atol=1e-3 * scale)
