"""What a gap is made of: factors that multiply to it, and growths that contain what is reached."""

import json

import pytest

from experiments import tightness_gap
from experiments.random_cases import case
from experiments.tightness_gap import parts, rows_of
from experiments.tightness_measurement import attacked, rows, upper_bounds
from lbdnn import Attack, Layerwise

ATTACK = Attack(starts=4, steps=12)


@pytest.mark.slow
def test_the_parts_multiply_to_the_ratio(tmp_path):
    one = case(4, 1, 2, 2, "tanh", [3])
    quantities = tightness_gap.QUANTITIES
    upper = upper_bounds(one, {"layerwise": Layerwise()}, quantities)
    made = rows(one, upper, {q: attacked(one, q, ATTACK) for q in quantities})
    (tmp_path / "tightness.json").write_text(json.dumps({"rows": made}))
    found = parts(rows_of(tmp_path / "tightness.json", "layerwise", 3)["1×2"], Layerwise(), ATTACK)
    assert len(found) == 8
    for row in found:
        assert row["ratio"] == pytest.approx(row["box"] * row["ball"], rel=1e-12)
        # A bound at one input is above what is reached there, and below that of the whole box.
        assert row["box"] >= 1 and row["ball"] >= 1
        assert row["growth_proved"] >= row["growth_attacked"] >= -1e-4
        if row["fraction"] == 0:
            assert row["growth_attacked"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    ("written", "arguments", "message"),
    [
        (None, [], "is no table of bound_tightness; make one"),
        ("{", [], "is no table of bound_tightness; make one"),
        ('{"rows": [{"depth": 1}]}', [], "is no table of bound_tightness; make one"),
        ('{"rows": [1]}', [], "is no table of bound_tightness; make one"),
        ('{"rows": []}', [], "holds no published network of seed 0 by the method 'refined'"),
        ('{"rows": []}', ["--method", "best"], "--method takes one of polynomial"),
    ],
)
def test_a_table_that_will_not_do_is_one_sentence(
    written, arguments, message, tmp_path, monkeypatch, capsys
):
    table = tmp_path / "tightness.json"
    if written is not None:
        table.write_text(written)
    output = tmp_path / "results"
    called = ["tightness_gap", "--table", str(table), "--output", str(output), *arguments]
    monkeypatch.setattr("sys.argv", called)
    assert tightness_gap.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line
    assert not output.exists()
