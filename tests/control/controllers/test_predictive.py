"""Model predictive control against optima found otherwise."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from lbdnn.control import (
    TORA,
    Constant,
    NonlinearMPC,
    Reference,
    Sinusoids,
    TwoLink,
    Variable,
    simulate,
)
from lbdnn.control.references import TWO_LINK, two_link_position


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Integrator:
    """ẋ = u."""

    @property
    def order(self):
        return 1

    @property
    def states(self):
        return (Variable("x", "m"),)

    @property
    def controls(self):
        return (Variable("u", "m/s"),)

    def drift(self, state):
        return jnp.zeros_like(state)

    def effectiveness(self, state):
        return jnp.ones((1, 1), state.dtype)

    def rate(self, state, control):
        return control


MOVING = Reference(Sinusoids([1.0], [1.0]))


def first_control(effort, limit, position):
    own = NonlinearMPC(
        Integrator(), MOVING, horizon=1, error_weight=2.0, filtered_weight=1.0, effort=effort,
        lower=-limit, upper=limit,
    )  # fmt: skip
    measured = jnp.asarray([position])
    return own.step(own.init(None, measured, MOVING(0.0)), measured, MOVING(0.0), 0.1)[1][0]


def test_one_step_of_an_integrator_in_closed_form():
    # min 3 (x + Δu − x_d)² + R u²: u = 3Δ(x_d − x) / (3Δ² + R), x_d one period ahead.
    def expected(effort, x):
        return 0.3 * (np.sin(0.1) - x) / (0.03 + effort)

    with jax.enable_x64(True):
        efforts = jnp.array([0.01, 0.1])
        found = jax.jit(jax.vmap(first_control, (0, None, None)))(efforts, 50.0, 2.0)
        np.testing.assert_allclose(found, expected(np.array(efforts), 2.0), rtol=1e-9)
        slope = jax.jit(jax.grad(first_control))
        np.testing.assert_allclose(slope(0.1, 50.0, 2.0), -expected(0.1, 2.0) / 0.13, rtol=1e-8)
        # At a limit the control is the limit, and does not change with the effort.
        assert jax.jit(first_control)(0.1, 0.5, 2.0) == -0.5
        assert slope(0.1, 0.5, 2.0) == 0


def test_a_limit_on_the_first_of_two_controls():
    own = NonlinearMPC(
        Integrator(), MOVING, horizon=2, error_weight=3.0, filtered_weight=0.0, effort=0.01,
        lower=-5.0, upper=5.0,
    )  # fmt: skip
    with jax.enable_x64(True):
        state = jnp.array([-0.9])
        plan = jax.jit(own.plan, static_argnums=2)(state, 0.0, 0.1, jnp.zeros((2, 1)))
    # The first can do no more; the second goes on from where that leads.
    second = 0.3 * (np.sin(0.2) + 0.9 - 0.5) / (0.03 + 0.01)
    np.testing.assert_allclose(plan.controls, [[5.0], [second]], rtol=1e-9)
    assert 0 < second < 5
    deviation = (-0.4 - np.sin(0.1)) ** 2 + (-0.4 + 0.1 * second - np.sin(0.2)) ** 2
    np.testing.assert_allclose(float(plan.cost), 3 * deviation + 0.01 * (25 + second**2), rtol=1e-9)
    assert float(plan.optimality) < 1e-9


def written_out(controls, state, time, horizon, dt=0.01):
    """The cost for the two-link manipulator, in NumPy."""
    p1, p2, p3, friction = 3.473, 0.196, 0.242, np.diag([5.3, 1.1])

    def rate(state, u):
        (_, x2), v = state[:2], state[2:]
        c2, s2 = np.cos(x2), np.sin(x2)
        inertia = np.array([[p1 + 2 * p3 * c2, p2 + p3 * c2], [p2 + p3 * c2, p2]])
        coriolis = p3 * s2 * np.array([[-v[1], -v[0] - v[1]], [v[0], 0]])
        return np.r_[v, np.linalg.solve(inertia, u - (coriolis + friction) @ v)]

    def wanted(t):
        s, c = np.sin(t), np.cos(t)
        g = 0.25 * np.exp(-s)
        return g * np.array([s, c]), g * np.array([c - s * c, -s - c * c])

    cost = 0.0
    for h, u in enumerate(controls.reshape(horizon, 2), 1):
        state = state + dt * rate(state + dt / 2 * rate(state, u), u)
        x, v = wanted(time + h * dt)
        e = state[:2] - x
        r = state[2:] - v + 5 * e
        cost += e @ e + r @ r + 1e-4 * u @ u
    return cost


@pytest.mark.slow
def test_plans_are_the_optima_that_scipy_finds():
    own = NonlinearMPC(TwoLink(), TWO_LINK, horizon=3)
    states = np.array([[0.3, -0.1, 0.2, 0.5], [1.0, -1.0, 0.0, 0.0], [0.0, 0.3, 0.1, -0.2]])
    times = np.array([0.4, 0.0, 2.0])
    with jax.enable_x64(True):

        def plan(state, time):
            return own.plan(state, time, 0.01, own.init(None, state, TWO_LINK(time)))

        plans = jax.jit(jax.vmap(plan))(states, times)
    limited = 0
    for state, time, controls, cost in zip(states, times, plans.controls, plans.cost, strict=True):
        best = minimize(
            written_out, np.zeros(6), (state, time, 3), method="L-BFGS-B",
            bounds=[(-50, 50)] * 6, options={"ftol": 1e-15, "gtol": 1e-10},
        )  # fmt: skip
        np.testing.assert_allclose(cost, best.fun, rtol=1e-8)
        np.testing.assert_allclose(np.ravel(controls), best.x, atol=0.05)
        np.testing.assert_allclose(
            written_out(np.ravel(controls), state, time, 3), cost, rtol=1e-10
        )
        limited += np.sum(np.abs(np.asarray(controls)) == 50)
    assert 0 < limited < 18  # with limits and without
    assert np.max(np.asarray(plans.optimality)) < 1e-6


@pytest.mark.slow
def test_the_loop_keeps_to_its_limits_and_tracks():
    own = NonlinearMPC(TwoLink(), Reference(two_link_position))
    with jax.enable_x64(True):
        run = simulate(TwoLink(), own, TWO_LINK, np.array([1.0, -1, 0, 0]), t1=4.0)
    assert np.abs(run.control).max() == 50.0
    assert np.rad2deg(np.linalg.norm(run.error[200:], axis=1)).max() < 1.0
    # It knows the plant: no function error.
    np.testing.assert_allclose(run.function_error, 0, atol=1e-12)


def test_refusals():
    with pytest.raises(ValueError, match="at least 1; got 0"):
        NonlinearMPC(TwoLink(), TWO_LINK, horizon=0)
    with pytest.raises(ValueError, match="the effort is >= 0"):
        NonlinearMPC(TwoLink(), TWO_LINK, effort=-1.0)
    with pytest.raises(ValueError, match="upper takes a number or 2 numbers"):
        own = NonlinearMPC(TwoLink(), TWO_LINK, upper=np.ones(3))
        simulate(TwoLink(), own, TWO_LINK, np.zeros(4), t1=0.1)


@pytest.mark.slow
def test_a_plant_with_fewer_controls_than_states_is_brought_to_rest():
    """g has no right inverse, which prediction does not need."""
    plant, rest = TORA(coupling=0.5), Reference(Constant(np.zeros(4)))
    own = NonlinearMPC(plant, rest, horizon=8, effort=1e-2, lower=-5.0, upper=5.0)
    with jax.enable_x64(True):
        run = simulate(plant, own, rest, np.array([0.1, 0.0, 1.0, 0.0]), t1=4.0, control_period=0.2)
    assert np.isinf(run.diverged_at)
    angle = np.abs(np.asarray(run.state)[:, 2:]).sum(1)
    assert angle[-1] < 0.3 * angle[0]
