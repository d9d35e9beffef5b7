"""`check` passes the library and catches each field of wrong constants."""

from __future__ import annotations

import inspect
import math
import re
import textwrap
from dataclasses import replace

import jax.numpy as jnp
import pytest

from lbdnn.activations import Activation, check, get

from .reference import OF_EVERY_KIND, one_of_each

INF = math.inf


@pytest.mark.parametrize(
    "activation",
    [
        pytest.param(a, marks=() if a.name in OF_EVERY_KIND else pytest.mark.slow, id=str(a))
        for a in one_of_each()
    ],
)
def test_the_library_is_right_and_tight(activation):
    report = check(activation)
    assert report.wrong == report.loose == ()
    assert "nothing wrong" in str(report)


def test_the_documented_example_works(capsys):
    """The code in the docstring of Activation, as it stands there."""
    text = inspect.getdoc(Activation)
    assert text is not None
    code = textwrap.dedent(text.split("±√3/2:")[1])
    space: dict = {}
    exec(code, space)
    assert "nothing wrong" in capsys.readouterr().out
    own = space["inverse_square_root"]
    assert check(own).loose == ()
    assert own.bound(2) == pytest.approx(48 / (25 * math.sqrt(5)))
    assert own.slope_at_zero == 1


def changed(spec: str, field: str, order: int, entry: object) -> Activation:
    """The activation with extremes[order] or limits[order] replaced."""
    activation = get(spec)
    values = list(getattr(activation, field))
    values[order] = entry
    return replace(activation, **{field: tuple(values)})


tanh, sin, relu = get("tanh"), get("sin"), get("relu")
silu1, silu2 = get("silu").extremes[1:3]
shrink = get("hardshrink", 0.5)


def steeper(x, *parameters):
    return jnp.tanh(x) * 1.01


WRONG = {
    "function": replace(tanh, function=steeper),
    "function without derivatives": replace(tanh, function=steeper, derivatives=()),
    "parameters": replace(get("leaky_relu", 0.2), parameters=(0.3,)),
    "derivatives[0]": replace(tanh, derivatives=(steeper, *tanh.derivatives[1:])),
    "derivatives[2]": replace(tanh, derivatives=(*tanh.derivatives[:2], steeper)),
    "extremes[0] missing": changed("silu", "extremes", 0, ()),
    "extremes[0] too high": changed("silu", "extremes", 0, ((-1.2784645427610738, -0.278),)),
    "extremes[1] one missing": changed("silu", "extremes", 1, silu1[:1]),
    "extremes[1] kink's slope missing": changed("hardswish", "extremes", 1, ()),
    "extremes[1] jump missing": replace(shrink, extremes=(shrink.extremes[0], (), (), ())),
    "extremes[2] moved": changed("silu", "extremes", 2, (silu2[0], (0.02, 0.5), silu2[2])),
    "extremes[2] too low": changed("silu", "extremes", 2, (silu2[0], (0.0, 0.4999), silu2[2])),
    "extremes[2] kink missing": replace(relu, extremes=(*relu.extremes[:2], (), ())),
    "extremes[3] missing": changed("tanh", "extremes", 3, ((0.0, -2.0),)),
    "limits[0] too low": changed("tanh", "limits", 0, (-1.0, 0.999)),
    "limits[0] finite": changed("softplus", "limits", 0, (0.0, 100.0)),
    "limits[1] too low": changed("softplus", "limits", 1, (0.0, 0.99)),
    "limits[1] not reached": changed("softplus", "limits", 1, (0.1, 1.0)),
    "growth a1": replace(get("silu"), growth=(0.99, 0.0)),
    "growth a0": replace(get("softplus"), growth=(1.0, 0.69)),
    "growth of a bounded one": replace(tanh, growth=(0.0, 0.999)),
    "period too short": replace(sin, period=6.0),
    "period too long": replace(sin, period=4 * math.pi),
    "period missing": replace(sin, period=None),
    "domain": replace(get("soft_exponential", -0.5), domain=(-INF, INF)),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_constants_are_caught(fault):
    with pytest.raises(ValueError, match="WRONG"):
        check(WRONG[fault])


LOOSE = {
    "extremes[0]": changed("tanh", "extremes", 0, ((0.0, 1.5),)),
    "extremes[1]": changed("silu", "extremes", 1, ((-2.3993572805154677, -0.1), silu1[1])),
    "extremes[2]": changed(
        "tanh", "extremes", 2, ((-0.6584789484624083, 0.77), tanh.extremes[2][1])
    ),
    "extremes[2] no kink": changed("tanh", "extremes", 2, (*tanh.extremes[2], (1.0, INF))),
    "extremes[3]": changed("tanh", "extremes", 3, (*tanh.extremes[3], (0.0, -2.1))),
    "limits[0]": changed("tanh", "limits", 0, (-1.0, 1.001)),
    "limits[0] infinite": changed("tanh", "limits", 0, (-1.0, INF)),
    "limits[2]": changed("tanh", "limits", 2, (0.0, 0.1)),
    "growth a1": replace(get("silu"), growth=(1.01, 0.0)),
    "growth a0": replace(get("silu"), growth=(1.0, 0.01)),
    "growth infinite": replace(get("silu"), growth=(INF, INF)),
    "domain": replace(tanh, domain=(-5.0, INF)),
}


@pytest.mark.parametrize("fault", LOOSE)
def test_slack_is_reported(fault):
    report = check(LOOSE[fault])
    assert report.wrong == ()
    field = fault.split()[0]
    assert any(text.startswith((field, f"the {field}")) for text in report.loose)
    assert len([line for line in str(report).splitlines() if line.startswith("loose")]) >= 1


def test_a_missing_extreme_is_named():
    """The report gives the point and the value that are missing, to many digits."""
    with pytest.raises(ValueError, match=r"extremes\[1\]") as caught:
        check(WRONG["extremes[1] one missing"])
    z, value = re.search(r"ς'\((\S+)\) = (\S+) is outside", str(caught.value)).groups()
    assert float(z) == pytest.approx(silu1[1][0], abs=1e-6)
    assert float(value) == pytest.approx(silu1[1][1], rel=1e-12)


def test_an_undefined_value_is_reported():
    with pytest.raises(ValueError, match="NaN"):
        check(replace(tanh, function=lambda x: jnp.sqrt(x) * 0 + jnp.tanh(x), derivatives=()))
