"""Plants given by a function: what is made from it, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.control.plants import AffineUserPlant, UserPlant

STATES = [("angle", "rad"), ("rate", "rad/s")]
TORQUE = [("torque", "N m")]


def swing(state, control, stiffness=2.0):
    angle, rate = state
    return [rate, -stiffness * jnp.sin(angle) - 0.1 * rate + (1 + angle**2) * control[0]]


def saturated(state, control):
    return [state[1], jnp.clip(control[0], -50.0, 50.0)]


def not_velocity(state, control):
    return [2 * state[1], control[0]]


def test_parts_of_a_second_order_plant():
    plant = AffineUserPlant(swing, STATES, TORQUE, order=2)
    state = jnp.array([0.5, -0.2])
    np.testing.assert_allclose(plant.drift(state), [-2 * np.sin(0.5) + 0.02], rtol=1e-6)
    np.testing.assert_allclose(plant.effectiveness(state), [[1.25]], rtol=1e-6)
    assert plant.states[0].unit == "rad"
    assert hash(plant) == hash(AffineUserPlant(swing, STATES, TORQUE, order=2))


def test_the_same_function_as_a_plant_of_first_order():
    plant = AffineUserPlant(swing, STATES, TORQUE, order=1)
    np.testing.assert_allclose(plant.effectiveness(jnp.array([2.0, 0.0])), [[0], [5]])


def test_any_function_is_a_plant_without_order():
    plant = UserPlant(saturated, STATES, TORQUE)
    np.testing.assert_array_equal(plant.rate(jnp.zeros(2), jnp.array([80.0])), [0, 50])
    assert not hasattr(plant, "drift")


def test_parameters_are_mapped_over_and_differentiated_in():
    def rate(stiffness):
        plant = AffineUserPlant(swing, STATES, TORQUE, 2, stiffness)
        return plant.rate(jnp.array([0.5, 0.0]), jnp.zeros(1))[1]

    stiffness = jnp.array([1.0, 3.0])
    np.testing.assert_allclose(jax.vmap(rate)(stiffness), -stiffness * np.sin(0.5), rtol=1e-6)
    np.testing.assert_allclose(jax.grad(rate)(1.0), -np.sin(0.5), rtol=1e-6)
    plants = [AffineUserPlant(swing, STATES, TORQUE, 2, value) for value in stiffness]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *plants)
    drifts = jax.vmap(lambda plant: plant.drift(jnp.array([0.5, 0.0])))(stacked)
    np.testing.assert_allclose(drifts[:, 0], -stiffness * np.sin(0.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x, u: x[:1], r"gives 2 real numbers.*shape \(1,\)"),
        (lambda x, u: x > 0, "of type bool"),
        (lambda x, u: [x[1], x[2][0]], r"fails for a state of shape \(2,\)"),
        (lambda x, u, parameters: x, "fails for .* missing 1 required positional argument"),
    ],
)
def test_refused_functions(function, message):
    for make in (UserPlant, lambda *given: AffineUserPlant(*given, 2)):
        with pytest.raises(ValueError, match=message):
            make(function, STATES, TORQUE)


@pytest.mark.parametrize(
    ("function", "order", "message"),
    [
        (saturated, 2, "not affine in its control"),
        (lambda x, u: [x[1], jnp.sin(u[0])], 1, "not affine in its control"),
        (lambda x, u: [x[1], 1e-3 * u[0] ** 2 + u[0]], 2, "not affine in its control"),
        (not_velocity, 2, "the velocities"),
        (lambda x, u: [x[1] + u[0], u[0]], 2, "the velocities"),
        (swing, 3, "order of an affine plant is 1 or 2"),
    ],
)
def test_refused_as_affine(function, order, message):
    with pytest.raises(ValueError, match=message):
        AffineUserPlant(function, STATES, TORQUE, order)
    assert not jax.config.jax_enable_x64


def test_three_states_are_of_no_second_order():
    with pytest.raises(ValueError, match="as many velocities as positions"):
        AffineUserPlant(lambda x, u: x, [*STATES, ("more", "1")], TORQUE, 2)
