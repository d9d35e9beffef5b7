"""Certificates as files: read back bit for bit, and which files are refused."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import (
    Bound,
    load_certificate,
)
from lbdnn.certificate.stored import as_content

from .examples import certificate, refuse

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
