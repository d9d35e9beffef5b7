"""What holds of every plant."""

import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.control.plants import (
    ARCH_PENDULUM,
    ARM,
    TORA,
    AdaptiveCruise,
    AffineUserPlant,
    DoublePendulum,
    MujocoPlant,
    Pendulum,
    TenState,
    TwoLink,
    UnderwaterVehicle,
    VanDerPol,
)

DRAW = np.random.default_rng(0)
PLANTS = [
    TwoLink(),
    TwoLink(drift_with_inertia=False),
    UnderwaterVehicle(),
    TenState(DRAW.normal(size=(3, 18)), size=3),
    VanDerPol(),
    Pendulum(friction=0.3),
    ARCH_PENDULUM,
    DoublePendulum(friction=0.2),
    TORA(),
    AdaptiveCruise(),
]
NAMED = [pytest.param(plant, id=f"{type(plant).__name__}{i}") for i, plant in enumerate(PLANTS)]


def _random(plant):
    """A state and a control."""
    draw = np.random.default_rng(1)
    return draw.normal(size=len(plant.states)), draw.normal(size=len(plant.controls))


@jax.jit
def _parts(plant, state, control):
    return plant.rate(state, control), plant.drift(state), plant.effectiveness(state)


@pytest.mark.parametrize("plant", NAMED)
def test_sizes_types_and_names(plant):
    state, control = _random(plant)
    parts = _parts(plant, jnp.asarray(state, "float32"), jnp.asarray(control, "float32"))
    rate, drift, effectiveness = parts
    n, m = len(state) // plant.order, len(control)
    assert (rate.shape, drift.shape, effectiveness.shape) == ((plant.order * n,), (n,), (n, m))
    assert {part.dtype for part in parts} == {np.dtype("float32")}
    variables = [*plant.states, *plant.controls]
    assert len({variable.name for variable in variables}) == len(variables)
    assert all(variable.unit for variable in variables)


@pytest.mark.parametrize("plant", NAMED)
def test_rate_alone_gives_drift_and_effectiveness(plant):
    state, control = _random(plant)
    with jax.enable_x64(True):
        user = AffineUserPlant(_rate, plant.states, plant.controls, plant.order, plant)
        parts = _parts(plant, state, control), _parts(user, state, control)
    for ours, made in zip(*parts, strict=True):
        np.testing.assert_allclose(ours, made, rtol=1e-12, atol=1e-12)


def _rate(state, control, plant):
    return plant.rate(state, control)


def test_numbers_are_leaves_to_map_over_and_to_differentiate_in():
    plant, (state, control) = DoublePendulum(), _random(DoublePendulum())
    with jax.enable_x64(True):
        frictions = jnp.array([0.0, 0.7])
        plants = jax.vmap(lambda friction: replace(plant, friction=friction))(frictions)
        in_axes = (replace(plant, mass=None, length=None, gravity=None, friction=0), None, None)
        stacked = replace(plant, friction=frictions)
        mapped = jax.vmap(_rate, in_axes=(None, None, in_axes[0]))(state, control, stacked)
        single = [replace(plant, friction=friction).rate(state, control) for friction in (0, 0.7)]
        np.testing.assert_allclose(mapped, single, rtol=1e-12)
        np.testing.assert_array_equal(plants.friction, frictions)
        # The acceleration is affine in the friction: its slope is −M⁻¹ẋ.
        slope = jax.jacfwd(lambda plant: plant.rate(state, control))(plant).friction
        expected = -plant.effectiveness(state) @ state[2:]
        np.testing.assert_allclose(slope[2:], expected, rtol=1e-10)


def test_plants_of_python_numbers_are_static_arguments():
    assert hash(UnderwaterVehicle()) == hash(UnderwaterVehicle())
    assert TwoLink() == TwoLink() != TwoLink(drift_with_inertia=False)
    rate = jax.jit(lambda plant, x, u: plant.rate(x, u), static_argnums=0)
    np.testing.assert_allclose(
        rate(Pendulum(), jnp.zeros(2), jnp.ones(1)),
        rate(Pendulum(mass=0.5), jnp.zeros(2), jnp.ones(1)) / 2,
    )


def test_without_mujoco_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(ImportError, match=r"needs the mujoco extra: pip install 'lbdnn\[mujoco\]'"):
        MujocoPlant(ARM)
