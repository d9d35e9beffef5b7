"""What a certificate says: bounds, remainders, ratios."""

import math

import pytest

from lbdnn import (
    Bound,
)

from .examples import certificate


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
