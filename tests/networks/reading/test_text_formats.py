"""The text formats: lists of neurons and .nnet, against hand computations."""

from itertools import pairwise

import numpy as np
import pytest

from lbdnn.networks import ModelError, read


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def layers(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(m, n)), rng.normal(size=m)) for n, m in pairwise(sizes)]


def neuron_list(weights, offset="0.5", scale="22") -> str:
    sizes = [weights[0][0].shape[1], *[len(b) for _, b in weights]]
    lines = [sizes[0], sizes[-1], len(sizes) - 2, *sizes[1:-1]]
    for W, b in weights:
        for row, bias in zip(W, b, strict=True):
            lines += [repr(float(v)) for v in (*row, bias)]
    return "\n".join(map(str, [*lines, offset, scale])) + "\n"


def nnet(weights, lo, hi, means, ranges) -> str:
    sizes = [weights[0][0].shape[1], *[len(b) for _, b in weights]]
    lines = ["// a comment, with 1, 2, 3", "//"]
    lines.append(f"{len(weights)},{sizes[0]},{sizes[-1]},{max(sizes)},")
    lines.append("".join(f"{n}," for n in sizes))
    lines.append("0,")
    lines += ["".join(f"{float(v)!r}," for v in row) for row in (lo, hi, means, ranges)]
    for W, b in weights:
        lines += ["".join(f"{float(v)!r}," for v in row) for row in W]
        lines += [f"{float(v)!r}," for v in b]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("sizes", [(4, 5, 5, 5, 1), (2, 3, 4, 2), (3, 1)])
def test_neuron_list(folder, value, sizes):
    weights = layers(sizes)
    (folder / "list.txt").write_text(neuron_list(weights))
    model = read(folder / "list.txt")
    points = np.random.default_rng(1).normal(size=(7, sizes[0]))
    y = points
    for W, b in weights:
        y = sigmoid(y @ W.T + b)
    np.testing.assert_allclose(value(model, points), 22 * (y - 0.5), atol=1e-13)
    for matrix, (W, b) in zip(model.net.weights(model.theta), weights, strict=True):
        assert matrix.dtype == np.float64
        np.testing.assert_array_equal(matrix, np.column_stack([W, b]))
    assert model.name == "list" and model.inputs is None


def test_neuron_list_with_other_activations(folder, value):
    weights = layers((2, 3, 1))
    (folder / "list.txt").write_text(neuron_list(weights, offset="0", scale="1"))
    model = read(folder / "list.txt", activation="tanh", output="linear")
    points = np.random.default_rng(1).normal(size=(7, 2))
    (W0, b0), (W1, b1) = weights
    expected = np.tanh(points @ W0.T + b0) @ W1.T + b1
    np.testing.assert_allclose(value(model, points), expected, atol=1e-13)
    both = read(folder / "list.txt", activation="relu")
    expected = np.maximum(np.maximum(points @ W0.T + b0, 0) @ W1.T + b1, 0)
    np.testing.assert_allclose(value(both, points), expected, atol=1e-13)
    with pytest.raises(ModelError, match="pass output="):
        read(folder / "list.txt", activation=["relu"])


def test_published_neuron_list(data, value):
    path = data / "controllers" / "tora_sigmoid_3x20.txt"
    model = read(path)
    numbers = iter([float(line) for line in path.read_text().split()])
    n_in, n_out, hidden = (int(next(numbers)) for _ in range(3))
    sizes = [n_in, *[int(next(numbers)) for _ in range(hidden)], n_out]
    assert sizes == [4, 20, 20, 20, 1]
    points = np.random.default_rng(0).normal(size=(10, 4))
    y = points
    for width in sizes[1:]:
        neurons = [[next(numbers) for _ in range(y.shape[1] + 1)] for _ in range(width)]
        y = np.stack([sigmoid(y @ np.array(n[:-1]) + n[-1]) for n in neurons], axis=1)
    offset, scale = numbers
    assert (offset, scale) == (0.5, 22.0)
    np.testing.assert_allclose(value(model, points), scale * (y - offset), atol=1e-12)


@pytest.mark.parametrize("sizes", [(2, 4, 4, 4, 3), (3, 2)])
def test_nnet(folder, value, sizes):
    rng = np.random.default_rng(3)
    weights, n = layers(sizes), sizes[0]
    lo, hi = -rng.uniform(1, 2, n), rng.uniform(1, 2, n)
    means, ranges = rng.normal(size=n + 1), rng.uniform(0.5, 3, n + 1)
    (folder / "acas.nnet").write_text(nnet(weights, lo, hi, means, ranges))
    model = read(folder / "acas.nnet")
    points = rng.uniform(lo, hi, (9, n))
    y = (points - means[:-1]) / ranges[:-1]
    for j, (W, b) in enumerate(weights):
        y = np.maximum(y, 0) @ W.T + b if j else y @ W.T + b
    np.testing.assert_allclose(value(model, points), y * ranges[-1] + means[-1], atol=1e-12)
    np.testing.assert_array_equal(model.inputs, [lo, hi])
    assert model.net.size == sum(W.size + b.size for W, b in weights)


def nnet_lines():
    return nnet(layers((2, 3, 1)), [-1, -1], [1, 1], [0, 0, 0], [1, 1, 1]).splitlines()


@pytest.mark.parametrize(
    "line, text, message",
    [
        (2, "0,2,1,3,", "the number of layers is 0.0"),
        (2, "2,2.5,1,3,", "the number of inputs has 2.5 values"),
        (3, "2,3,2,", "1 outputs; the sizes begin with 2 and end with 2"),
        (3, "2,99999999999,1,", "size 1 has 99999999999.0 values"),
        (5, "2,-1,", "input 0 has its minimum above its maximum"),
        (8, "1,0,1,", "range 1 is zero"),
        (9, "nan,1,", "line 10: the number is NaN"),
        (9, "1e999,1,", "line 10: the number is NaN or infinite"),
        (9, "0x10,1,", "line 10: '0x10' is not a number"),
        (9, "1_0,1,", "line 10: '1_0' is not a number"),
        (9, "1,", "b of layer 1 needs 1 numbers; the file ends after 0"),
        (9, "1,2,3,", "1 numbers follow the last one"),
    ],
)
def test_refused_nnet(folder, line, text, message):
    lines = nnet_lines()
    lines[line] = text
    (folder / "bad.nnet").write_text("\n".join(lines))
    with pytest.raises(ModelError, match=r"bad\.nnet: .*" + message):
        read(folder / "bad.nnet")


@pytest.mark.parametrize(
    "line, text, message",
    [
        (2, "100000000", "the number of hidden layers is 100000000.0"),
        (2, "-1", "the number of hidden layers"),
        (2, "0.5", "the number of hidden layers"),
        (3, "1000000", "layer 0 needs 3000000 numbers; the file ends after"),
        (5, "x", "line 6: 'x' is not a number"),
        (5, "inf", "line 6"),
    ],
)
def test_refused_neuron_list(folder, line, text, message):
    lines = neuron_list(layers((2, 3, 3, 1))).splitlines()
    lines[line] = text
    (folder / "bad.txt").write_text("\n".join(lines))
    with pytest.raises(ModelError, match=r"bad\.txt: .*" + message):
        read(folder / "bad.txt")
