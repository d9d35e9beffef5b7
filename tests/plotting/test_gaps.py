"""The figure of gaps shows what it is given."""

import pytest

from lbdnn.plotting.gaps import gaps


def test_bars_end_at_the_product_of_the_parts():
    rows = [
        {"network": "3×3", "quantity": "hessian", "fraction": 0.0, "ball": 1.0, "box": 1.5},
        {"network": "4×4", "quantity": "hessian", "fraction": 0.0, "ball": 2.0, "box": 3.0},
    ]
    (axes,) = gaps(rows, ["3×3", "4×4"], ["hessian"]).axes
    ball, box = axes.containers
    assert [bar.get_height() for bar in ball] == [0, pytest.approx(1)]
    assert [bar.get_y() + bar.get_height() for bar in box] == pytest.approx([1.5, 6])


def test_networks_without_a_row_leave_their_place_empty():
    rows = [{"network": "b", "quantity": "jacobian", "fraction": 0.1, "ball": 2.0, "box": 1.0}]
    (axes,) = gaps(rows, ["a", "b"], ["jacobian"]).axes
    assert [round(bar.get_x() + bar.get_width() / 2) for bar in axes.containers[0]] == [1]
    assert axes.get_title() == "r = 10 % of ‖θ‖"
