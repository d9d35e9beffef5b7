"""A certificate changed in any one field, its checksum made to fit again."""

import copy
import json
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from lbdnn import load_certificate
from lbdnn.certificate.stored import as_content, checksum
from lbdnn.checking import check

QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")
PROOFS = {
    "jacobian": ("low", "high", "storage", "stiffness", "mix"),
    "input_jacobian": ("low", "high", "path", "path_stiffness", "path_sector"),
    "hessian": (
        *("low", "high", "path", "path_stiffness", "path_sector", "column_stiffness", "columns"),
        *("storage", "stiffness", "split", "size", "exchange", "across"),
        *("pivot", "majorant", "mix"),
    ),
}
ARRAYS = [(quantity, name) for quantity, names in PROOFS.items() for name in names]
# What an honest certificate says beside its statement; nobody can check it afterwards.
UNCHECKED = {"arithmetic", "versions", "seconds", "missing"}


@pytest.fixture(scope="session")
def content(proved) -> dict[str, Any]:
    """As written to a file."""
    return json.loads(json.dumps(as_content(proved.certificate)))


@pytest.fixture
def found(content, proved, tmp_path) -> Callable:
    """Changes a copy of the content, seals it, and says what becomes of it.

    Bounds that are left as they were are left out: they would be verified once more.
    """
    bounds = content["bounds"]

    def found(change: Callable[[dict[str, Any]], Any]) -> str:
        changed = copy.deepcopy(content)
        change(changed)
        assert changed != content
        if touched := {q: b for q, b in changed.get("bounds", {}).items() if b != bounds[q]}:
            changed["bounds"] = touched
        changed["checksum"] = checksum(changed)
        path = tmp_path / "c.json"
        path.write_text(json.dumps(changed))
        try:
            certificate = load_certificate(path)
        except ValueError:
            return "no certificate"
        verdict = check(certificate, proved.net, proved.theta)
        return "verified" if verdict else "not verified"

    return found


def scaled(text: str, factor: float) -> str:
    return " ".join((factor * float.fromhex(word)).hex() for word in text.split())


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_without_a_change_it_is_verified(content, proved, tmp_path, quantity: str) -> None:
    path = tmp_path / "c.json"
    alone = content | {"bounds": {quantity: content["bounds"][quantity]}}
    path.write_text(json.dumps(alone | {"checksum": checksum(alone)}))
    assert check(load_certificate(path), proved.net, proved.theta)


def test_these_tests_name_every_field(content) -> None:
    assert set(content) == UNCHECKED | {
        *("format", "bounds", "network", "inputs", "parameters", "sets", "radius"),
    }
    for quantity, bound in content["bounds"].items():
        own = {"quantity", "norm", "upper", "lower", "method", "witness", "proof"}
        assert set(bound) == own
        assert set(bound["witness"]) == {"sigma", "theta", "directions"}
        if quantity in PROOFS:
            more = {"stiffness"} if quantity == "input_jacobian" else {"corners"}
            proof = bound["proof"]
            assert set(proof) == {"kind", "levels", "stages", "parts", "reach"} | more
            for stage in proof["stages"]:
                assert set(stage) == set(PROOFS[quantity])
            for own in proof["reach"]:
                assert set(own) == {"kind", "levels", "corners", "stages"}
                for stage in own["stages"]:
                    assert set(stage) == set(PROOFS["jacobian"])


def leaves(content: Any, path: tuple = ()) -> Iterator[tuple]:
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def test_without_the_checksum_no_change_is_read(content, tmp_path) -> None:
    sealed = content | {"checksum": checksum(content)}
    path = tmp_path / "c.json"
    count = 0
    for *where, last in leaves(content):
        changed = copy.deepcopy(sealed)
        place = changed
        for key in where:
            place = place[key]
        place[last] = 7 if isinstance(place[last], str) else "7"
        path.write_text(json.dumps(changed))
        with pytest.raises(ValueError, match="not a certificate"):
            load_certificate(path)
        count += 1
    assert count > 100


@pytest.mark.parametrize("name", ["network", "inputs", "parameters", "format"])
def test_text_that_is_another(found, name: str) -> None:
    def other(content: dict) -> None:
        content[name] = content[name].replace(content[name][-2], "x")

    assert found(other) != "verified"


@pytest.mark.parametrize("factor", [0.5, 1 + 1e-9, 2.0])
def test_another_radius(found, factor: float) -> None:
    assert found(lambda c: c.update(radius=scaled(c["radius"], factor))) != "verified"


@pytest.mark.parametrize("what", ["inputs", "parameters"])
@pytest.mark.parametrize("word", ["0x1.4p+1", "nan", "inf", "-0x1p+0", "no number"])
def test_sets_in_numbers_that_are_not_those_in_words(found, what: str, word: str) -> None:
    def moved(content: dict) -> None:
        own = content["sets"][what]
        own["hi" if what == "inputs" else "radius"] = {"number": word}

    assert found(moved) != "verified"


@pytest.mark.parametrize("kind", ["inputs", "parameters"])
def test_larger_sets_in_words_and_numbers(found, kind: str) -> None:
    def larger(content: dict) -> None:
        if kind == "inputs":
            content["inputs"] = "Box(lo=-2, hi=[1, 0.5])"
            content["sets"]["inputs"]["lo"] = {"number": "-0x1p+1"}
        else:
            content["parameters"] = "Ball(radius=0.25, center=None)"
            content["sets"]["parameters"]["radius"] = {"number": "0x1p-2"}
            content["radius"] = "0x1p-2"

    assert found(larger) == "not verified"


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_bounds(found, quantity: str) -> None:
    false = {"lower": (0.0).hex(), "witness": None}
    changes = [
        lambda b: b.update(false | {"upper": scaled(b["lower"], 0.999999)}),
        lambda b: b.update(lower=scaled(b["lower"], 1.000001)),
        lambda b: b.update(upper="nan"),
        lambda b: b.update(upper="inf"),
        lambda b: b.update(lower="nan"),
        lambda b: b.update(lower="-0x1p-3"),
        lambda b: b.update(lower=scaled(b["upper"], 2.0)),
        lambda b: b.update(quantity="value" if quantity != "value" else "hessian"),
        lambda b: b.update(norm="operator" if quantity == "value" else "euclidean"),
        lambda b: b.update(norm="frobenius"),
        lambda b: b.update(method="Sorcery()"),
        lambda b: b.update(witness=None),
    ]
    if quantity in PROOFS:  # which show nothing less; what brings none may be shown otherwise
        changes.append(lambda b: b.update(upper=scaled(b["upper"], 0.999)))
    for change in changes:
        assert found(lambda c, f=change: f(c["bounds"][quantity])) != "verified"


@pytest.mark.parametrize("quantity", PROOFS)
def test_proofs_are_needed_and_those_of_the_method(found, quantity: str) -> None:
    changes = [
        lambda b: b.update(proof=None, upper=b["lower"]),
        lambda b: b.update(method="Layerwise()"),
        lambda b: b["proof"].update(kind={"text": "trust"}),
        lambda b: b["proof"].update(levels=1),
        lambda b: b["proof"].update(levels=None),
        lambda b: b["proof"]["reach"][0].update(corners=False),
        lambda b: b["proof"]["reach"][0].pop("corners"),
        lambda b: b["proof"]["stages"].pop(),
        lambda b: b["proof"].pop("stages"),
        lambda b: b["proof"].update(reach={"text": "far"}),
        lambda b: b["proof"].update(parts=0),
        lambda b: b["proof"].update(parts=None),
        lambda b: b["proof"].update(parts=10**6),
        lambda b: b["proof"].pop("parts"),
        lambda b: b["proof"]["reach"].append({"text": "far"}),
        lambda b: b["proof"]["reach"][0].update(levels=1),
        lambda b: b["proof"]["reach"][0]["stages"].pop(),
    ]
    for change in changes:
        assert found(lambda c, f=change: f(c["bounds"][quantity])) != "verified"


@pytest.mark.parametrize(("a", "b"), [*combinations(QUANTITIES, 2)])
def test_quantities_that_are_exchanged(found, a: str, b: str) -> None:
    def exchanged(content: dict) -> None:
        bounds = content["bounds"]
        for field in ("upper", "lower", "witness", "proof"):
            bounds[a][field], bounds[b][field] = bounds[b][field], bounds[a][field]

    assert found(exchanged) != "verified"


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("part", ["sigma", "theta", "directions"])
def test_witnesses(found, quantity: str, part: str) -> None:
    def words(witness: dict) -> str:
        return witness[part] if isinstance(witness[part], str) else " ".join(witness[part])

    def put(witness: dict, text: str) -> None:
        n = len(witness[part])
        pieces = np.array_split(text.split(), max(n, 1))
        witness[part] = (
            text if isinstance(witness[part], str) else [" ".join(piece) for piece in pieces]
        )

    if quantity == "value" and part == "directions":
        more = found(lambda c: c["bounds"]["value"]["witness"].update(directions=["0x1p+0"]))
        assert more != "verified"
        return
    for damage in (
        lambda text: scaled(text, 3.0) if part != "directions" else scaled(text, 0.0),
        lambda text: text.replace(text.split()[0], "nan"),
        lambda text: text.replace(text.split()[-1], "inf"),
        lambda text: " ".join(text.split()[1:]),
        lambda text: f"{text} 0x1p+0",
    ):

        def change(content: dict, damage: Callable = damage) -> None:
            witness = content["bounds"][quantity]["witness"]
            put(witness, damage(words(witness)))

        assert found(change) != "verified"


@pytest.mark.parametrize(("quantity", "name"), ARRAYS)
@pytest.mark.parametrize("stage", [0, 1])
def test_arrays_of_proofs(found, quantity: str, name: str, stage: int) -> None:
    damaged(found, lambda content: content["bounds"][quantity]["proof"]["stages"][stage], name)


@pytest.mark.parametrize("name", PROOFS["jacobian"])
@pytest.mark.parametrize("way", [0, 1])
def test_arrays_of_the_reach(found, name: str, way: int) -> None:
    def stage(content: dict) -> dict:
        return content["bounds"]["jacobian"]["proof"]["reach"][way]["stages"][1]

    damaged(found, stage, name)


@pytest.mark.parametrize("node", [0, 1, 2])
def test_what_is_stored_before_the_first_stage_counts_at_all_nodes(found, node: int) -> None:
    def larger(content: dict) -> None:
        own = content["bounds"]["hessian"]["proof"]["stages"][0]["storage"]
        words = own["numbers"].split()
        size = len(words) // 3
        part = slice(node * size, (node + 1) * size)
        words[part] = [(1e3 * float.fromhex(word)).hex() for word in words[part]]
        own["numbers"] = " ".join(words)

    assert found(larger) != "verified"


def damaged(found, stage: Callable[[dict], dict], name: str) -> None:
    def changed(damage: Callable[[str], str]) -> str:
        def change(content: dict) -> None:
            own = stage(content)
            if isinstance(own[name], str):
                own[name] = damage(own[name])
            else:
                own[name]["numbers"] = damage(own[name]["numbers"])

        return found(change)

    for word in ("nan", "inf", "-inf"):
        assert changed(lambda text, w=word: text.replace(text.split()[0], w)) != "verified"
    assert changed(lambda text: " ".join(text.split()[1:])) != "verified"
    # Another number may be as good in one direction: multipliers are free. Not in all.
    factors = (0.5, 1e3, -1.0)
    outcomes = [changed(lambda text, f=f: scaled(text, f)) for f in factors]
    assert outcomes.count("verified") < len(factors)
    if name in ("path", "storage", "columns", "majorant"):
        smaller = changed(lambda text: scaled(text, 0.9))
        assert smaller != "verified" or name == "majorant"


def test_the_first_layers_multiplier(found) -> None:
    outcomes = [
        found(lambda c, f=f: c["bounds"]["input_jacobian"]["proof"].update(stiffness=f))
        for f in ("nan nan nan nan", "0x1p+0", "-0x1p+0 -0x1p+0 -0x1p+0 -0x1p+0", "0x0p+0 " * 4)
    ]
    assert "verified" not in outcomes


@pytest.mark.parametrize("name", sorted(UNCHECKED))
def test_what_is_not_checked(found, name: str) -> None:
    other: Any = {"a": "b"} if name in ("versions", "missing") else "0x1p+9"
    assert found(lambda c: c.update({name: other})) == "verified"
    if name == "missing":
        assert found(lambda c: c.update(missing={"hessian": "no"})) != "verified"


def test_a_field_more_or_less(found, content) -> None:
    assert found(lambda c: c.update(more=1)) == "no certificate"
    for name in content:
        assert found(lambda c, n=name: c.pop(n)) != "verified"
