"""Mechanical plants against Lagrange's equations, from energies written down independently."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.control.plants import (
    ARCH_PENDULUM,
    DoublePendulum,
    Pendulum,
    TwoLink,
    UnderwaterVehicle,
)


def _turn(axis, angle):
    """Rodrigues' formula for a turn about a coordinate axis."""
    cross = jnp.cross(jnp.eye(3)[axis], jnp.eye(3)).T
    return jnp.eye(3) + jnp.sin(angle) * cross + (1 - jnp.cos(angle)) * cross @ cross


def _attitude(position):
    return _turn(2, position[5]) @ _turn(1, position[4]) @ _turn(0, position[3])


def _body_velocity(position, velocity):
    attitude, moving = jax.jvp(_attitude, (position,), (velocity,))
    spin = attitude.T @ moving
    return jnp.concatenate(
        [attitude.T @ velocity[:3], jnp.stack([spin[2, 1], spin[0, 2], spin[1, 0]])]
    )


def _vehicle_energy(plant, position, velocity):
    return 0.5 * jnp.sum(jnp.array(plant.inertia) * _body_velocity(position, velocity) ** 2)


def _vehicle_loss(plant, position, velocity):
    """Generalized forces of the damping."""
    body = _body_velocity(position, velocity)
    damping = jnp.array(plant.linear_damping) + jnp.array(plant.quadratic_damping) * abs(body)
    return -jax.jacobian(_body_velocity, argnums=1)(position, velocity).T @ (damping * body)


def _places(length):
    """Where the two masses of a double pendulum are."""

    def first(x):
        return length * jnp.array([jnp.sin(x[0]), jnp.cos(x[0])])

    return first, lambda x: first(x) + length * jnp.array([jnp.sin(x[1]), jnp.cos(x[1])])


def _double_energy(plant, x, v):
    total = 0.0
    for place in _places(plant.length):
        at, speed = jax.jvp(place, (x,), (v,))
        total += plant.mass * (0.5 * speed @ speed - plant.gravity * at[1])
    return total


def _single_energy(plant, x, v):
    at, speed = jax.jvp(
        lambda x: plant.length * jnp.array([jnp.sin(x[0]), jnp.cos(x[0])]), (x,), (v,)
    )
    return plant.mass * (0.5 * speed @ speed - plant.gravity * at[1])


def _two_link_energy(plant, x, v):
    """Of two links with a second mass of 1 kg and a first length of 1 m."""
    one, two, three = plant.inertia

    def centre(x):
        turned = x[0] + x[1]
        return jnp.array(
            [jnp.cos(x[0]) + three * jnp.cos(turned), jnp.sin(x[0]) + three * jnp.sin(turned)]
        )

    speed = jax.jvp(centre, (x,), (v,))[1]
    spins = (one - two - 1.0) * v[0] ** 2 + (two - three**2) * (v[0] + v[1]) ** 2
    return 0.5 * (spins + speed @ speed)


def _friction(plant, x, v):
    return -jnp.asarray(plant.friction) * v


CASES = [
    (TwoLink(), _two_link_energy, _friction),
    (DoublePendulum(0.7, 0.4, 9.81, 0.3), _double_energy, _friction),
    (Pendulum(0.7, 0.4, 9.81, 0.3), _single_energy, _friction),
    (UnderwaterVehicle(), _vehicle_energy, _vehicle_loss),
]


@pytest.mark.parametrize(
    ("plant", "lagrangian", "loss"), CASES, ids=[type(case[0]).__name__ for case in CASES]
)
def test_lagranges_equations(plant, lagrangian, loss):
    n = len(plant.states) // 2
    draw = np.random.default_rng(0)
    states, controls = draw.normal(size=(4, 2 * n)), draw.normal(size=(4, n))

    def acceleration(state, control):
        x, v = state[:n], state[n:]
        slope = jax.grad(lambda x, v: lagrangian(plant, x, v), argnums=(0, 1))
        (pull, _), (_, moving) = jax.jvp(lambda x: slope(x, v), (x,), (v,))
        inertia = jax.hessian(lambda v: lagrangian(plant, x, v))(v)
        return jnp.linalg.solve(inertia, control + loss(plant, x, v) + pull - moving)

    with jax.enable_x64(True):
        expected = jax.jit(jax.vmap(acceleration))(states, controls)
        rates = jax.jit(jax.vmap(plant.rate))(states, controls)
    np.testing.assert_array_equal(rates[:, :n], states[:, n:])
    np.testing.assert_allclose(rates[:, n:], expected, rtol=1e-9, atol=1e-9)


def test_published_code_of_the_two_link_leaves_out_the_inertia():
    state = jnp.array([0.3, -0.8, 0.5, -1.2])
    torque = TwoLink().inertia_matrix(state[:2]) @ TwoLink().drift(state)
    np.testing.assert_allclose(TwoLink(drift_with_inertia=False).drift(state), torque, rtol=1e-5)


def test_a_vehicle_without_damping_keeps_its_momenta():
    plant = UnderwaterVehicle(linear_damping=(0.0,) * 6, quadratic_damping=(0.0,) * 6)
    state = np.random.default_rng(2).normal(size=12)

    @jax.jit
    def balance(state):
        return jax.jvp(momenta, (state,), (plant.rate(state, jnp.zeros(6)),))

    def momenta(state):
        attitude = _attitude(state[:6])
        momentum = jnp.array(plant.inertia) * plant.body_velocity(state)
        linear = attitude @ momentum[:3]
        return linear, attitude @ momentum[3:] + jnp.cross(state[:3], linear)

    with jax.enable_x64(True):
        values, rates = balance(state)
    for value, rate in zip(values, rates, strict=True):
        np.testing.assert_allclose(rate, 0, atol=1e-11 * np.abs(value).max())


def test_the_vehicle_turns_its_inertia_into_a_skew_coriolis_matrix():
    """Ṁ̄ − 2C̄ is skew: along the motion the kinetic energy changes by −ẋᵀD̄ẋ + ẋᵀu alone."""
    plant = UnderwaterVehicle()
    draw = np.random.default_rng(3)
    state, force = draw.normal(size=12), draw.normal(size=6)

    def energy(state):
        velocity = state[6:]
        return 0.5 * velocity @ jnp.linalg.solve(plant.effectiveness(state), velocity)

    @jax.jit
    def balance(state):
        value, power = jax.jvp(energy, (state,), (plant.rate(state, force),))
        return value, power, state[6:] @ _vehicle_loss(plant, state[:6], state[6:])

    with jax.enable_x64(True):
        value, power, lost = map(float, balance(state))
    np.testing.assert_allclose(power, lost + state[6:] @ force, rtol=1e-10)
    assert value > 0 > lost


@pytest.mark.parametrize("plant", [ARCH_PENDULUM, DoublePendulum()], ids=["single", "double"])
def test_pendulums_stand_and_hang_still(plant):
    n = len(plant.controls)
    slope = jax.jit(jax.jacobian(lambda state: plant.rate(state, jnp.zeros(n))))
    for angle, stable in ((0.0, False), (np.pi, True)):
        state = jnp.array([angle] * n + [0.0] * n)
        np.testing.assert_allclose(plant.drift(state), 0, atol=1e-5)
        assert (np.linalg.eigvals(slope(state)).real.max() < 1e-2) == stable


def test_the_benchmark_pendulums_numbers():
    """Upright it leaves as e^(√2 t), pushed by 8 rad/s² per N m."""
    growth = jax.jacobian(ARCH_PENDULUM.rate)(jnp.zeros(2), jnp.zeros(1))
    np.testing.assert_allclose(np.linalg.eigvals(growth).max(), np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(ARCH_PENDULUM.rate(jnp.zeros(2), jnp.ones(1)), [0, 8])
