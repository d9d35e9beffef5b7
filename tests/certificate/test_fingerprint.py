"""The fingerprint: any change of a network is another one."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn import (
    Chain,
    FullyConnected,
)
from lbdnn.activations import get, names
from lbdnn.certificate import fingerprint
from lbdnn.networks import Affine, Pointwise, Repeat, Residual

from .examples import NET


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
    code = "from tests.certificate.test_fingerprint import of_every_activation as f; print(*f())"
    root = Path(__file__).parents[2]
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
