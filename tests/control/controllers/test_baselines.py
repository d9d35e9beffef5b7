"""Controllers without a network: what they remove, what they keep to, and what they refuse."""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.control import (
    PD,
    PID,
    TORA,
    Actuator,
    Constant,
    DisturbanceRejection,
    LbDNN,
    Lost,
    Reference,
    Sensor,
    TrackingLaw,
    TwoLink,
    Variable,
    simulate,
)
from lbdnn.control.references import TWO_LINK, Motion

START = np.array([1.0, -1.0, 0.0, 0.0])
TARGET = np.array([0.4, -0.2])
WANTED = Reference(Constant(TARGET))
PUSH = np.array([3.0, -2.0])
EFFECT = np.array([[2.0, 0.5], [-0.3, 1.0]])


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pushed:
    """x⁽ᵏ⁾ = push − x + g u: a constant disturbance on two springs."""

    order: int = field(metadata={"static": True})
    push: Any = (3.0, -2.0)

    @property
    def states(self):
        return (Variable("x", "m"),) * 2 * self.order

    @property
    def controls(self):
        return (Variable("u", "N"),) * 2

    def drift(self, state):
        return jnp.asarray(self.push, state.dtype) - state[:2]

    def effectiveness(self, state):
        return jnp.asarray(EFFECT, state.dtype)

    def rate(self, state, control):
        highest = self.drift(state) + self.effectiveness(state) @ control
        return highest if self.order == 1 else jnp.concatenate([state[2:], highest])


def run_of(controller, t1=8.0, **options):
    plant = controller.plant
    with jax.enable_x64(True):
        return simulate(
            plant,
            controller,
            WANTED,
            np.zeros(2 * plant.order),
            t1=t1,
            solver="euler",
            **options,
        )


@pytest.mark.parametrize("order", [1, 2])
def test_what_remains_of_a_constant_disturbance(order):
    plant = Pushed(order)
    # At rest 0 = push − x − k_p e, k_p = k_r at first order and 1 + α₁k_r at second.
    proportional = 5.0 if order == 1 else 26.0
    left = (PUSH - TARGET) / (proportional + 1)
    np.testing.assert_allclose(run_of(PD(plant)).error[-1], left, atol=1e-6)
    integral = PID(plant, proportional=proportional, integral=20.0)
    np.testing.assert_allclose(run_of(integral, t1=20.0).error[-1], 0, atol=1e-6)
    rejected = run_of(DisturbanceRejection(plant))
    np.testing.assert_allclose(rejected.error[-1], 0, atol=1e-6)
    # f − f̂, the observed drift being that of the plant: push − x.
    np.testing.assert_allclose(rejected.function_error[-1], 0, atol=1e-6)
    np.testing.assert_allclose(rejected.function_error[0], PUSH)
    assert np.all(np.isnan(run_of(PD(plant)).function_error))
    assert run_of(PD(plant)).theta.shape == (0,)


@pytest.mark.parametrize("order", [1, 2])
def test_pd_is_lb_dnn_with_a_network_that_is_zero(order):
    plant, net = Pushed(order), FullyConnected((2 * order, 3, 2), "tanh")
    own = LbDNN(net, plant, TrackingLaw(gain=0.0), error_gain=4.0, feedback_gain=3.0)
    with jax.enable_x64(True):
        theta = net.unravel(np.zeros(net.size))
        expected = simulate(plant, own, WANTED, np.zeros(2 * order), theta, t1=0.5, solver="euler")
    found = run_of(PD(plant, error_gain=4.0, feedback_gain=3.0), t1=0.5)
    np.testing.assert_allclose(found.control, expected.control, rtol=1e-12)


def rejected(samples, dt=0.01):
    """Observer-based control of the two-link manipulator written out: errors and f̂."""
    p1, p2, p3 = 3.473, 0.196, 0.242
    a1, a2, kr, kf = 5.0, 10.0, 5.0, 20.0
    x, v = START[:2], START[2:]
    integral, drift = np.zeros(2), np.zeros(2)
    errors, drifts = [], []
    for i in range(samples):
        with jax.enable_x64(True):
            xd, vd, ad, _ = (np.asarray(part) for part in TWO_LINK(dt * i))
        c2, s2 = np.cos(x[1]), np.sin(x[1])
        inertia = np.array([[p1 + 2 * p3 * c2, p2 + p3 * c2], [p2 + p3 * c2, p2]])
        coriolis = p3 * s2 * np.array([[-v[1], -v[0] - v[1]], [v[0], 0]])
        f, g = -(coriolis + np.diag([5.3, 1.1])) @ v, np.linalg.inv(inertia)
        e = x - xd
        r = v - vd + a1 * e
        estimate = r if i == 0 else estimate  # noqa: F821
        u = inertia @ (ad - drift - (a1 + kr) * r + (a1**2 - 1) * e)
        errors.append(e)
        drifts.append(f - drift)
        x, v = x + dt * v, v + dt * (f + g @ u)
        gap = r - estimate
        estimate = estimate + dt * (g @ u - ad + drift + a2 * gap + a1 * (r - a1 * e))
        integral = integral + dt * (kf * a2 + 1) * gap
        drift = kf * (r - estimate) + integral
    return np.array(errors), np.array(drifts)


def test_disturbance_rejection_as_written_out_and_better_than_pd():
    plant = TwoLink(drift_with_inertia=False)
    with jax.enable_x64(True):
        runs = [
            simulate(plant, own, TWO_LINK, START, t1=8.0, solver="euler")
            for own in (DisturbanceRejection(plant, drift_gain=20.0), PD(plant))
        ]
    errors, drifts = rejected(60)
    np.testing.assert_allclose(runs[0].error[:60], errors, atol=1e-12)
    np.testing.assert_allclose(runs[0].function_error[:60], drifts, atol=1e-10)
    late = [np.linalg.norm(run.error[400:]) for run in runs]
    assert 5 * late[0] < late[1]


def test_limits_of_pid_stop_the_integral():
    plant = Pushed(1, push=(0.0, 0.0))
    gains = {"proportional": 1.0, "integral": 3.0}
    clamped = run_of(PID(plant, **gains, lower=-0.26, upper=0.26), t1=15.0)
    wound = run_of(PID(plant, **gains), t1=15.0, actuator=Actuator(lower=-0.26, upper=0.26))
    free = run_of(PID(plant, **gains), t1=15.0)
    assert np.abs(clamped.control).max() == 0.26 < np.abs(free.control).max()
    overshoot = [np.max(np.asarray(run.error) * np.sign(TARGET)) for run in (clamped, wound)]
    assert 0 < overshoot[0] < 0.7 * overshoot[1]
    # Limits that are never reached change nothing.
    wide = run_of(PID(plant, **gains, lower=-50.0, upper=50.0), t1=15.0)
    np.testing.assert_array_equal(wide.control, free.control)


def test_pid_winds_only_in_the_denied_direction():
    own = PID(Pushed(1), proportional=1.0, integral=1.0, lower=-0.1, upper=0.1)
    zero = jnp.zeros(2)
    motion = Motion(zero, zero, zero, jnp.asarray(0.0))
    start = own.init(None, zero, motion)
    # Far above: the most negative controls are too small, so ∫e stands still in both axes.
    assert np.all(own.step(start, jnp.array([5.0, 5.0]), motion, 0.01)[0] == 0)
    # An integral that already asks for too much may shrink.
    over = jnp.array([9.0, 9.0])
    np.testing.assert_allclose(own.step(over, -jnp.ones(2), motion, 0.01)[0], over - 0.01)


@pytest.mark.parametrize("kind", [PD, PID, DisturbanceRejection])
def test_without_feedback_each_feeds_the_reference_forward(kind):
    plant = TwoLink()
    sensor = Sensor(feedback=Lost(((0.05, 0.1),)))
    with jax.enable_x64(True):
        run = simulate(plant, kind(plant), TWO_LINK, START, t1=0.2, solver="euler", sensor=sensor)
        at = TWO_LINK(0.07)
        expected = plant.inertia_matrix(at.position) @ at.acceleration
        if kind is PID:
            kept = 0.01 * np.asarray(run.error)[:5].sum(0)
            expected -= plant.inertia_matrix(at.position) @ (30.0 * kept)
    np.testing.assert_allclose(run.control[7], expected, rtol=1e-9)
    assert np.sum(run.without_feedback) == 5


@pytest.mark.parametrize("kind", [PD, DisturbanceRejection])
def test_gains_are_data(kind):
    def squares(gain):
        return jnp.sum(run_of(kind(Pushed(2), feedback_gain=gain), t1=0.2).error ** 2)

    with jax.enable_x64(True):
        both = jax.vmap(squares)(jnp.array([4.0, 6.0]))
        np.testing.assert_allclose(both, [squares(4.0), squares(6.0)], rtol=1e-12)
        slope = (squares(5.0 + 1e-5) - squares(5.0 - 1e-5)) / 2e-5
        np.testing.assert_allclose(jax.grad(squares)(5.0), slope, rtol=1e-6)


def test_refusals():
    plant = Pushed(2)
    for own in (PD(plant), PID(plant), DisturbanceRejection(plant)):
        with pytest.raises(ValueError, match="leave theta out"):
            simulate(plant, own, WANTED, np.zeros(4), (np.ones(2),), t1=1.0)
        with pytest.raises(ValueError, match="a reference of 2; got"):
            simulate(plant, own, Reference(Constant((0.0,))), np.zeros(4), t1=1.0)
    for kind in (PD, PID, DisturbanceRejection):
        with pytest.raises(ValueError, match="not finite and of rank 4"):
            simulate(TORA(), kind(TORA()), Reference(Constant(np.zeros(4))), np.ones(4), t1=1.0)
    with pytest.raises(ValueError, match="the observer's error grows"):
        run_of(DisturbanceRejection(plant, observer_gain=300.0))
    with pytest.raises(ValueError, match=r"integral is a number or of shape \(2,\)"):
        run_of(PID(plant, integral=np.ones(3)))
