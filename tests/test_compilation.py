"""Compiled programs that are dropped are compiled again."""

import sys

import jax
import jax.numpy as jnp
import pytest

from lbdnn.compilation import make_room


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory maps so")
def test_programs_are_dropped_where_they_are_many_and_work_again() -> None:
    traced = []

    @jax.jit
    def squared(x: jax.Array) -> jax.Array:
        traced.append(x)
        return x**2

    assert squared(jnp.float32(3)) == 9
    make_room(most=10**9)
    assert squared(jnp.float32(4)) == 16 and len(traced) == 1
    make_room(most=0)
    assert squared(jnp.float32(5)) == 25 and len(traced) == 2
