"""Names, parameters and how they are written."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, strategies as st

from lbdnn.activations import get, names

from .reference import cases

CASES = pytest.mark.parametrize(("name", "parameters"), cases())

# As Drgoňa et al. (footnotes 1 to 3, appendix D) spell them, and by other usual names.
NAMED = """
SoftExponential BLU PReLU ReLU GELU RReLU Hardtanh ReLU6 Tanh ELU CELU Hardshrink LeakyReLU
Softshrink Softsign Tanhshrink APLU PELU Sigmoid Hardsigmoid Hardswish SELU LogSigmoid Softplus
tanh logistic sigmoid arctan sin softsign softplus SiLU swish gelu gelu_tanh mish tanhshrink relu
identity linear"""


@CASES
def test_a_spec_names_its_activation(name, parameters):
    activation = get(name, *parameters)
    assert activation.name == name
    assert get(activation.spec) == activation
    assert str(activation) == activation.spec and activation.spec in repr(activation)


@CASES
def test_equal_activations_are_one_key(name, parameters):
    """As dictionary keys and static arguments, also after a detour through pickle."""
    activation = get(name, *parameters)
    copy = pickle.loads(pickle.dumps(activation))
    assert copy == activation and hash(copy) == hash(activation)


def test_different_activations_differ():
    every = [get(name, *parameters) for name, parameters in cases()]
    assert len({a.spec for a in every}) == len(set(every))
    assert get("leaky_relu", 0.2) != get("leaky_relu", 0.3) != get("prelu", 0.3)


@pytest.mark.parametrize("name", NAMED.split())
def test_every_published_name_is_known(name):
    assert get(name).name in names()


def test_spelling_does_not_matter():
    assert get("Leaky-ReLU (0.2)") is get("leaky_relu", 0.2) is get(" leakyrelu( 0.2 )")
    assert get("sigmoid") is get("logistic") and get("swish") is get("silu")
    assert get("leaky_relu") is get("leaky_relu()")
    assert get("elu", 1) == get("elu(1e0)")


@given(st.floats(-1e30, 1e30))
def test_parameters_survive_the_spec(slope):
    activation = get("leaky_relu", slope)
    assert get(activation.spec) == activation
    assert activation.parameters == (slope,)


def test_unknown_names():
    with pytest.raises(
        ValueError, match=r"unknown activation 'tahn' \(did you mean 'tanh'\?\)"
    ) as e:
        get("tahn")
    assert all(name in str(e.value) for name in names())
    with pytest.raises(ValueError, match="did you mean 'leaky_relu'"):
        get("leakyreul", 0.2)
    with pytest.raises(ValueError, match="unknown activation 'qqq'; known are"):
        get("qqq")


@pytest.mark.parametrize(
    "call",
    [
        ("leaky_relu", float("nan")),
        ("leaky_relu", float("inf")),
        ("leaky_relu", "steep"),
        ("leaky_relu(x)",),
        ("leaky_relu(0.2",),
        ("leaky_relu(0.2)", 0.3),
        ("leaky_relu", 0.1, 0.2),
        ("tanh", 1.0),
        ("tanh(1)",),
        ("celu", 0.0),
        ("celu", -1.0),
        ("pelu", 1.0, 0.0),
        ("blu", 1.5),
        ("hardshrink", -0.1),
        ("softshrink", -0.1),
        ("hardtanh", 2.0, 1.0),
        ("hardsigmoid", -0.2),
        ("rrelu", 0.5, 0.2),
        ("aplu", 0.1),
        ("aplu", 0.1, float("nan")),
        ("soft_exponential", 1e-9),
        ("soft_exponential", float("-inf")),
        ("",),
        (3,),
    ],
    ids=str,
)
def test_wrong_parameters(call):
    with pytest.raises(ValueError) as caught:
        get(*call)
    text = str(caught.value)
    assert text and "\n" not in text and len(text) < 450
