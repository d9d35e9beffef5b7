"""Certificates: what they say, how they are kept, and which files are refused."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import Bound, Certificate, Chain, FullyConnected, load_certificate
from lbdnn.activations import get, names
from lbdnn.certificate import fingerprint
from lbdnn.networks import Affine, Pointwise, Repeat, Residual

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
    "fields missing": '{"format": "lbdnn certificate 1", "bounds": {}}',
    "bounds of another form": '{"format": "lbdnn certificate 1", "bounds": [1]}',
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
    path = tmp_path / "c.json"
    certificate().save(path)
    content = json.loads(path.read_text())
    required = ("bounds", "network", "inputs", "parameters", "radius", "arithmetic", "format")
    changed = [{k: v for k, v in content.items() if k != name} for name in required]
    for other in [*changed, content | {"more": 1}]:
        path.write_text(json.dumps(other))
        with pytest.raises(ValueError, match="not a certificate"):
            load_certificate(path)


@pytest.mark.parametrize(
    "change", [{"upper": "three"}, {"upper": 1.0}, {"lower": -1.0}, {"upper": math.nan}]
)
def test_impossible_numbers_are_refused(change: dict, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    certificate().save(path)
    content = json.loads(path.read_text())
    content["bounds"]["jacobian"] |= change
    path.write_text(json.dumps(content))
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


# ---------------------------------------------------------------------- fingerprint

NET = FullyConnected((2, 3, 1), "tanh")


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
