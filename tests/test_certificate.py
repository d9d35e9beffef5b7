"""Certificates: what they say, how they are kept, and which files are refused."""

import json
import math
import os
import re
import struct
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import (
    Ball,
    Bound,
    Box,
    Certificate,
    Chain,
    FullyConnected,
    LayerBalls,
    load_certificate,
)
from lbdnn.activations import get, names
from lbdnn.certificate import fingerprint
from lbdnn.certificate.described_sets import described, in_words, remade
from lbdnn.certificate.stored import as_content, checksum
from lbdnn.networks import Affine, Pointwise, Repeat, Residual

NET = FullyConnected((2, 3, 1), "tanh")
finite = st.floats(0, 1e300)
witnesses = st.builds(lambda s: {"sigma": s}, st.lists(st.floats(allow_nan=False), max_size=3))


@st.composite
def some_bounds(draw) -> dict[str, Bound]:
    found = {}
    for quantity in draw(st.sets(st.sampled_from(["value", "jacobian"]))):
        lower, upper = sorted((draw(finite), draw(finite)))
        witness = draw(st.none() | witnesses)
        method = draw(st.text(max_size=5))
        found[quantity] = Bound(quantity, "operator", upper, lower, method, witness)
    return found


def certificate(**changes) -> Certificate:
    base = Certificate(
        bounds={
            "jacobian": Bound("jacobian", "operator", 3.0, 2.0, "Layerwise()"),
            "hessian": Bound("hessian", "operator", 8.0, 0.0, "Layerwise()", {"sigma": [0.1]}),
        },
        network="ab" * 32,
        inputs="Box(lo=-1, hi=1)",
        parameters="Ball(radius=0.5)",
        radius=0.5,
        arithmetic="float64",
    )
    return replace(base, **changes)


# ---------------------------------------------------------------------- remainder


def test_the_remainder_is_the_smaller_of_taylor_and_mean_value() -> None:
    both = certificate()
    for radius in (0.0, 1e-3, 0.5):
        taylor, mean_value = 0.5 * 8 * radius**2, 2 * 3 * radius
        assert both.remainder(radius) == min(taylor, mean_value)
        first = certificate(bounds={"jacobian": both["jacobian"]})
        assert first.remainder(radius) == mean_value
        second = certificate(bounds={"hessian": both["hessian"]})
        assert second.remainder(radius) == taylor
    steep = certificate(radius=10.0)
    assert steep.remainder(10) == 60


@pytest.mark.parametrize("radius", [0.6, -0.1, math.nan, math.inf])
def test_a_remainder_outside_the_set_is_refused(radius: float) -> None:
    with pytest.raises(ValueError, match="certify a larger set"):
        certificate().remainder(radius)


def test_a_remainder_needs_a_derivative() -> None:
    value = Bound("value", "euclidean", 1.0, 1.0, "Layerwise()")
    with pytest.raises(ValueError, match="'hessian' or 'jacobian'"):
        certificate(bounds={"value": value}).remainder(0.1)


# ------------------------------------------------------------------------- reading


def test_it_is_a_mapping_that_says_why_a_bound_is_missing() -> None:
    mixed = certificate(missing={"value": "no value because of this"})
    assert list(mixed) == ["jacobian", "hessian"] and len(mixed) == 2
    assert "jacobian" in mixed and "value" not in mixed and mixed.get("value") is None
    with pytest.raises(KeyError, match="because of this"):
        mixed["value"]
    for part in ("‖∂Φ/∂θ‖₂", "because of this", "Box(lo=-1, hi=1)", "Ball(radius=0.5)"):
        assert part in str(mixed)


def test_the_ratio_says_how_loose_a_bound_can_be() -> None:
    def ratio(upper: float, lower: float) -> float:
        return Bound("value", "euclidean", upper, lower, "").ratio

    assert [ratio(3, 2), ratio(0, 0), ratio(1, 0)] == [1.5, 1.0, math.inf]


@settings(max_examples=50, deadline=None)
@given(some_bounds(), finite, st.text(max_size=9))
def test_saving_and_loading_changes_nothing(tmp_path_factory, found, number, text) -> None:
    path = tmp_path_factory.getbasetemp() / "certificate.json"
    whole = certificate(bounds=found, radius=number, inputs=text, seconds=number)
    whole.save(path)
    again = load_certificate(path)
    assert again == whole
    assert {q: b.witness for q, b in again.items()} == {q: b.witness for q, b in found.items()}


def test_witnesses_of_arrays_are_saved_as_lists(tmp_path: Path) -> None:
    bound = Bound("value", "euclidean", 1.0, 1.0, "", {"sigma": np.array([0.1, 0.2])})
    certificate(bounds={"value": bound}).save(tmp_path / "c.json")
    loaded = load_certificate(tmp_path / "c.json")["value"].witness
    assert loaded == {"sigma": [0.1, 0.2]}


# ------------------------------------------------------------------- damaged files

FOREIGN = {
    "empty": "",
    "no JSON": "certificate",
    "a list": "[]",
    "a number": "3",
    "other content": '{"a": 1}',
    "another format": '{"format": "lbdnn certificate 99", "bounds": {}}',
    "fields missing": '{"format": "lbdnn certificate 2", "bounds": {}}',
    "bounds of another form": '{"format": "lbdnn certificate 2", "bounds": [1]}',
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_is_no_certificate_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(FOREIGN[name])
    with pytest.raises(ValueError, match=r"c\.json is not a certificate"):
        load_certificate(path)


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    certificate().save(path)
    content = path.read_bytes()
    for end in range(0, len(content) - 1, 7):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match="not a certificate"):
            load_certificate(path)


def test_a_field_that_is_missing_or_unknown_is_refused(tmp_path: Path) -> None:
    content = as_content(certificate())
    changed = [{k: v for k, v in content.items() if k != name} for name in content]
    for other in [*changed, content | {"more": 1}]:
        refuse(other, tmp_path / "c.json")


def refuse(content: dict, path: Path) -> None:
    """The content is refused, though its checksum is right."""
    path.write_text(json.dumps(content | {"checksum": checksum(content)}))
    with pytest.raises(ValueError, match="not a certificate"):
        load_certificate(path)


@pytest.mark.parametrize("number", ["three", 3.0, "0x1p+0", "-0x1p+0", "nan", "inf", None])
@pytest.mark.parametrize("name", ["upper", "lower"])
def test_impossible_numbers_are_refused(name: str, number: object, tmp_path: Path) -> None:
    content = as_content(certificate())
    bound = content["bounds"]["jacobian"]
    if name == "lower" and number == "0x1p+0":  # less than it was
        number = "0x1p+9"
    bound[name] = number
    refuse(content, tmp_path / "c.json")


@pytest.mark.parametrize("change", [{"method": 1}, {"norm": None}, {"quantity": "value"}])
def test_bounds_of_another_form_are_refused(change: dict, tmp_path: Path) -> None:
    content = as_content(certificate())
    content["bounds"]["jacobian"] |= change
    refuse(content, tmp_path / "c.json")


def test_any_change_of_a_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    certificate().save(path)
    text = path.read_text()
    places = [i for i, c in enumerate(text) if c.isalnum()]
    for place in places[::5]:
        other = "1" if text[place] != "1" else "2"
        path.write_text(text[:place] + other + text[place + 1 :])
        with pytest.raises(ValueError, match="not a certificate"):
            load_certificate(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="not a certificate"):
        load_certificate(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        load_certificate(tmp_path / "c.json")


@pytest.mark.parametrize("step", ["write", "replace"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_save_leaves_the_old_file_and_nothing_else(
    step: str, error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.json"
    old = certificate(seconds=1.0)
    old.save(path)

    def interrupted_write(self: Path, content: str | bytes, **options) -> int:
        with self.open("wb" if isinstance(content, bytes) else "w") as file:
            file.write(content[: len(content) // 2])
        raise error

    def interrupted_replace(*paths: object) -> None:
        raise error

    if step == "write":
        for name in ("write_text", "write_bytes"):
            monkeypatch.setattr(Path, name, interrupted_write)
    else:
        monkeypatch.setattr(os, "replace", interrupted_replace)
    with pytest.raises(error):
        certificate(seconds=2.0).save(path)
    monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == ["c.json"]
    assert load_certificate(path) == old


# -------------------------------------------------------------------------- bit for bit

ANY = st.floats(allow_nan=False)


@settings(max_examples=50, deadline=None)
@given(st.lists(ANY, min_size=4, max_size=4), st.lists(ANY, max_size=3))
def test_proofs_and_witnesses_are_read_bit_for_bit(tmp_path_factory, numbers, more) -> None:
    array = np.asarray(numbers).reshape(2, 1, 2)
    proof = {"kind": "a kind", "levels": 3, "stages": [{"x": array, "y": more}, {"x": array}]}
    witness = {"sigma": numbers, "directions": [more, numbers], "none": None, "one": numbers[0]}
    bound = Bound("value", "euclidean", 1.0, 1.0, "", witness, proof)
    path = tmp_path_factory.getbasetemp() / "bits.json"
    certificate(bounds={"value": bound}).save(path)
    again = load_certificate(path)["value"]
    assert bits(again.proof) == bits(proof)
    assert bits(again.witness) == bits(witness)


def bits(value: object) -> object:
    match value:
        case dict():
            return {key: bits(each) for key, each in value.items()}
        case list():
            return [bits(each) for each in value]
        case np.ndarray():
            return value.shape, value.tobytes()
        case float():
            return struct.pack("<d", value)
    return value


@pytest.mark.parametrize(
    ("region", "words"),
    [
        (Box(-1, 1), "Box(lo=-1, hi=1)"),
        (Box([-1, 0.1], [1, 0.3]), "Box(lo=[-1, 0.1], hi=[1, 0.3])"),
        (Ball(0.1), "Ball(radius=0.1, center=None)"),
        (Ball(np.float32(0.1), center=0), "Ball(radius=0.10000000149011612, center=0)"),
        (LayerBalls([0.1, 2]), "LayerBalls(radii=[0.1, 2], center=None)"),
    ],
)
def test_sets_in_words_and_in_numbers(region, words: str, tmp_path: Path) -> None:
    numbers = described(region, NET)
    assert in_words(numbers) == words
    assert in_words(described(remade(numbers), NET)) == words
    whole = certificate(sets={"inputs": numbers}, inputs=words)
    whole.save(tmp_path / "c.json")
    assert load_certificate(tmp_path / "c.json").sets == whole.sets
    refuse(as_content(whole) | {"inputs": words.replace("1", "2")}, tmp_path / "c.json")


def test_a_centre_of_parameters_is_stored_exactly() -> None:
    vector = np.linspace(-1, 1, NET.size).astype(np.float32) / 3
    shown = described(Ball(0.1, center=NET.unravel(vector)), NET)
    assert np.array_equal(shown["center"], vector.astype(np.float64))
    long = described(Box(np.arange(30.0), 40), NET)
    assert "30 values" in in_words(long) and "SHA-256" in in_words(long)
    assert in_words(long) != in_words(described(Box(np.nextafter(np.arange(30.0), -1), 40), NET))


@pytest.mark.parametrize("wrong", [{}, {"kind": "Sphere"}, {"kind": "Ball", "radius": 1.0}])
def test_descriptions_of_no_set_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="no kind of set"):
        remade(wrong)


# ------------------------------------------------------------------------------- LaTeX


def test_the_table_in_latex() -> None:
    lines = certificate().latex().splitlines()
    assert lines[0] == r"\begin{tabular}{lrrrl}" and lines[-1] == r"\end{tabular}"
    rows = [line for line in lines if line.endswith(r" \\")]
    assert len(rows) == 3 and all(row.count(" & ") == 4 for row in rows)
    assert rows[1] == r"$\|\partial\Phi/\partial\theta\|_2$ & $3$ & $2$ & $1.5$ & Layerwise() \\"
    assert r"$\infty$" in rows[2]


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_no_method_breaks_the_table(method: str) -> None:
    bound = Bound("value", "euclidean", 1.0, 1.0, method)
    (row,) = certificate(bounds={"value": bound}).latex().splitlines()[4:-2]
    cell = row.removesuffix(r" \\").split(" & ", 4)[4]
    assert cell.isascii() and cell.isprintable()
    # What is left after the escapes and commands holds no special character.
    plain = re.sub(
        r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater)\{\}", "", cell
    )
    assert not set(re.sub(r"\\[&%$#_{}]", "", plain)) & set("\\~^&%$#_{}<>")


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-300, 1e300), st.floats(0, 1))
def test_numbers_in_the_table_are_rounded_to_the_safe_side(upper: float, part: float) -> None:
    bound = Bound("value", "euclidean", upper, part * upper, "")
    row = certificate(bounds={"value": bound}).latex().splitlines()[4]
    cells = [Fraction(number(cell)) for cell in row.split(" & ")[1:3]]
    assert Fraction(upper) <= cells[0] <= Fraction(upper) * Fraction("1.001")
    assert Fraction(bound.lower) * Fraction("0.999") <= cells[1] <= Fraction(bound.lower)


def number(cell: str) -> str:
    digits, _, power = cell.strip("$").partition(r" \cdot 10^{")
    return f"{digits}e{power.rstrip('}') or 0}"


# ---------------------------------------------------------------------- fingerprint


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, NET.size - 1),
    st.integers(0, 63),
)
def test_any_bit_of_any_weight_changes_the_fingerprint(dtype: type, place: int, bit: int) -> None:
    vector = np.linspace(-1, 1, NET.size).astype(dtype)
    changed = vector.copy()
    words = changed.view(np.uint8)
    size = vector.itemsize
    words[place * size + bit // 8 % size] ^= np.uint8(1 << bit % 8)
    before, after = (fingerprint(NET, NET.unravel(v)) for v in (vector, changed))
    assert before != after
    assert before == fingerprint(NET, NET.unravel(vector.copy()))


def test_the_structure_changes_the_fingerprint() -> None:
    vector = np.linspace(-1, 1, NET.size)
    others = [
        NET,
        FullyConnected((2, 3, 1), "sin"),
        FullyConnected((2, 3, 1), "tanh", output="tanh"),
        FullyConnected((2, 3, 1), "tanh", output_scaling=((2.0,), (0.0,))),
        FullyConnected((2, 3, 1), "tanh", output_scaling=((2.0,), (1e-300,))),
        FullyConnected((2, 3, 1), "leaky_relu(0.1)"),
        FullyConnected((2, 3, 1), "leaky_relu(0.2)"),
    ]
    prints = [fingerprint(net, net.unravel(vector)) for net in others]
    assert len(set(prints)) == len(others)
    assert len(set(prints) | {fingerprint(NET, NET.unravel(vector.astype(np.float32)))}) == 8


def test_the_fingerprint_does_not_depend_on_the_kind_of_array() -> None:
    theta = NET.init(jax.random.key(0))
    again = jax.tree.map(lambda leaf: np.asfortranarray(np.asarray(leaf)), theta)
    assert fingerprint(NET, theta) == fingerprint(NET, again)


@pytest.mark.parametrize("depth", range(4))
def test_an_activation_of_ones_own_enters_the_fingerprint(depth: int) -> None:
    tanh = NET.operations[1].activation
    own = replace(tanh, function=lambda z: z)
    nets = []
    for ς in (tanh, own):
        operations = (Affine(1, 1), Pointwise(ς))
        for _ in range(depth):
            operations = (Repeat((Residual(operations),), 2),)
        nets.append(Chain(operations, 1))
    assert repr(nets[0]) == repr(nets[1])
    theta = nets[0].unravel(np.ones(nets[0].size))
    assert fingerprint(nets[0], theta) != fingerprint(nets[1], theta)


def of_every_activation() -> list[str]:
    nets = [Chain((Affine(1, 1), Pointwise(get(name))), 1) for name in names()]
    return [fingerprint(net, net.unravel(np.ones(2))) for net in nets]


def test_the_fingerprint_is_the_same_in_another_process() -> None:
    here = of_every_activation()
    assert len(set(here)) == len(here)
    code = "from tests.test_certificate import of_every_activation as f; print(*f())"
    root = Path(__file__).parent.parent
    there = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert there.stdout.split() == here


def test_a_shortcut_enters_the_fingerprint() -> None:
    layer = (Affine(2, 2), Pointwise(NET.operations[1].activation))
    nets = [
        Chain(operations, 2)
        for operations in (
            layer * 2,
            (Residual(layer), *layer),
            (*layer, Residual(layer)),
            (Residual(layer), Residual(layer)),
            (Residual(layer * 2),),
            (Residual((Residual(layer), *layer)),),
            (Repeat((Residual(layer),), 2),),
        )
    ]
    prints = {fingerprint(net, net.unravel(np.arange(12.0))) for net in nets}
    assert len(prints) == len(nets)
