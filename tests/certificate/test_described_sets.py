"""Sets in words and in numbers."""

from pathlib import Path

import numpy as np
import pytest

from lbdnn import (
    Ball,
    Box,
    LayerBalls,
    load_certificate,
)
from lbdnn.certificate.described_sets import described, in_words, remade
from lbdnn.certificate.stored import as_content

from .examples import NET, certificate, refuse


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
