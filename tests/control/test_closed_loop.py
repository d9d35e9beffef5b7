"""Closed loops: against an independent NumPy loop, and what must hold of any."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.control import (
    Actuator,
    CompositeLaw,
    Constant,
    LbDNN,
    Lost,
    NetworkFeedback,
    Pendulum,
    Reference,
    Sensor,
    TrackingLaw,
    TwoLink,
    advance,
    simulate,
)
from lbdnn.control.references import TWO_LINK, two_link_position

NET = FullyConnected((4, 3, 3, 3, 2), "tanh")
PLANT = TwoLink(drift_with_inertia=False)
THETA = np.random.default_rng(0).uniform(-0.5, 0.5, NET.size)
START = np.array([-1.0, 1.0, 0.0, 0.0])


def looped(law, samples, dt=0.01):
    """The published loop, written out in NumPy: errors, controls, parameters."""
    p1, p2, p3, f1, f2 = 3.473, 0.196, 0.242, 5.3, 1.1
    a1, a2, a3, kr, kf, kth, b0, k0 = 5, 10, 20, 5, 20, 1e-4, 10, 2
    shapes = [(5, 3), (4, 3), (4, 3), (4, 2)]

    def network(theta, x):
        for j, piece in enumerate(np.split(theta, np.cumsum([a * b for a, b in shapes])[:-1])):
            x = piece.reshape(shapes[j], order="F").T @ np.append(np.tanh(x) if j else x, 1.0)
        return x

    def jacobian(theta, x):  # by complex steps
        columns = []
        for k in range(len(theta)):
            moved = theta.astype(complex)
            moved[k] += 1e-30j
            columns.append(network(moved, x.astype(complex)).imag / 1e-30)
        return np.stack(columns, 1)

    def desired(t):
        s, c = np.sin(t), np.cos(t)
        g = 0.25 * np.exp(-s)
        x = g * np.array([s, c])
        v = g * np.array([c - s * c, -s - c * c])
        a = g * np.array([c * c * (s - 2) - s + s * s, c**3 + 3 * s * c - c])
        return x, v, a

    x, v, theta = START[:2], START[2:], THETA.copy()
    gain, integral, drift = np.eye(len(theta)), np.zeros(2), np.zeros(2)
    errors, controls = [], []
    for i in range(samples):
        xd, vd, ad = desired(dt * i)
        c2, s2 = np.cos(x[1]), np.sin(x[1])
        inertia = np.array([[p1 + 2 * p3 * c2, p2 + p3 * c2], [p2 + p3 * c2, p2]])
        coriolis = p3 * s2 * np.array([[-v[1], -v[0] - v[1]], [v[0], 0]])
        f, g = -(coriolis + np.diag([f1, f2])) @ v, np.linalg.inv(inertia)
        state = np.r_[x, v]
        value, slope = network(theta, state), jacobian(theta, state)
        e = x - xd
        r = v - vd + a1 * e
        if i == 0:
            estimate = r
        driving = r
        if law == "composite":
            beta = b0 * (1 - np.linalg.norm(gain, 2) / k0)
            gain = gain + dt * (beta * gain - gain @ slope.T @ slope @ gain)
            driving = r + a3 * (drift - value)
        theta = theta + dt * (-kth * gain @ theta + gain @ slope.T @ driving)
        u = inertia @ (ad - (a1 + kr) * r + (a1**2 - 1) * e - value)
        errors.append(e)
        controls.append(u)
        x, v = x + dt * v, v + dt * (f + g @ u)
        gap = r - estimate
        estimate = estimate + dt * (g @ u - ad + drift + a2 * gap + a1 * (r - a1 * e))
        integral = integral + dt * (kf * a2 + 1) * gap
        drift = kf * (r - estimate) + integral
    return np.array(errors), np.array(controls), theta


@pytest.mark.parametrize("law", ["tracking", "composite"])
def test_same_as_the_published_loop_written_out(law):
    own = TrackingLaw() if law == "tracking" else CompositeLaw(exact_norm=True)
    with jax.enable_x64(True):
        controller = LbDNN(NET, PLANT, own, drift_gain=20.0)
        start = (START, NET.unravel(THETA))
        run = simulate(PLANT, controller, TWO_LINK, *start, t1=0.3, solver="euler")
        errors, controls, theta = looped(law, 30)
    np.testing.assert_allclose(run.error, errors, atol=1e-12)
    np.testing.assert_allclose(run.control, controls, atol=1e-9)
    np.testing.assert_allclose(run.theta, theta, atol=1e-10)
    assert np.isinf(run.diverged_at)


def test_reference_and_its_derivatives():
    with jax.enable_x64(True):
        motion, h = TWO_LINK(0.7), 1e-5
        near = [np.asarray(two_link_position(jnp.asarray(0.7 + k * h))) for k in (-1, 0, 1)]
    np.testing.assert_allclose(motion.position, near[1])
    np.testing.assert_allclose(motion.velocity, (near[2] - near[0]) / (2 * h), atol=1e-8)
    np.testing.assert_allclose(
        motion.acceleration, (near[2] - 2 * near[1] + near[0]) / h**2, atol=1e-4
    )


def test_the_tracked_norm_of_the_gain_changes_the_loop_little():
    with jax.enable_x64(True):
        start = (START, NET.unravel(THETA))
        runs = [
            simulate(
                PLANT, LbDNN(NET, PLANT, CompositeLaw(exact_norm=exact)), TWO_LINK, *start, t1=2.0
            )
            for exact in (False, True)
        ]
    np.testing.assert_allclose(runs[0].error, runs[1].error, atol=2e-3)


def test_finer_steps_of_the_plant_change_little_and_less():
    controller = LbDNN(NET, TwoLink(), TrackingLaw())
    with jax.enable_x64(True):
        start = (START, NET.unravel(THETA))
        errors = [
            np.asarray(
                simulate(TwoLink(), controller, TWO_LINK, *start, t1=0.2, substeps=count).error
            )
            for count in (1, 2, 8)
        ]
    first, second = (np.abs(own - errors[-1]).max() for own in errors[:2])
    assert second < first / 10  # of fourth order: 16


def _far(time):
    return jnp.stack([jnp.exp(20 * time), jnp.zeros_like(time)])


def test_divergence_is_a_status_with_its_time():
    controller = LbDNN(NET, PLANT, TrackingLaw(gain=1e4))
    run = simulate(
        PLANT, controller, Reference(_far), START, NET.unravel(THETA), t1=2.0, solver="euler"
    )  # fmt: skip
    assert 0 < run.diverged_at < 2
    before = np.searchsorted(np.asarray(run.time), float(run.diverged_at))
    assert np.all(np.isfinite(run.state))
    assert np.all(np.asarray(run.state)[before + 1 :] == np.asarray(run.state)[-1])


def test_parameters_that_are_lost_in_the_last_sample_are_divergence():
    controller = LbDNN(NET, PLANT, TrackingLaw(gain=1e38, damping=0.0))
    theta = NET.unravel(jnp.asarray(THETA, jnp.float32))
    run = simulate(PLANT, controller, TWO_LINK, START, theta, t1=0.01)
    assert run.diverged_at == np.float32(0.01)
    np.testing.assert_array_equal(run.theta, np.float32(THETA))


def test_noise_is_drawn_by_its_key():
    controller = LbDNN(NET, TwoLink(), TrackingLaw())

    def run(seed):
        start = (START, NET.unravel(THETA))
        key = jax.random.key(seed)
        return simulate(
            TwoLink(), controller, TWO_LINK, *start, t1=0.1, sensor=Sensor(0.1), key=key
        )

    np.testing.assert_array_equal(run(0).state, run(0).state)
    assert np.abs(run(0).state - run(1).state).max() > 1e-4


LOOP = (TwoLink(), LbDNN(NET, TwoLink(), TrackingLaw()), TWO_LINK, START)


def test_without_feedback_the_controller_stands_still_and_feeds_forward():
    with jax.enable_x64(True):
        theta = NET.unravel(THETA)
        lost = Lost(((0.05, 0.1),))
        run = simulate(*LOOP, theta, t1=0.2, sensor=Sensor(feedback=lost), theta_every=1)
        at = TWO_LINK(0.07)
        wanted = at.state(2)
        learned = NET.unravel(run.theta_samples[7])
        forward = TwoLink().inertia_matrix(wanted[:2]) @ (at.acceleration - NET(learned, wanted))
    time = np.asarray(run.time)
    np.testing.assert_array_equal(run.without_feedback, (time > 0.045) & (time < 0.095))
    np.testing.assert_array_equal(run.theta_samples[4], run.theta_samples[9])
    assert np.any(run.theta_samples[9] != run.theta_samples[10])
    np.testing.assert_allclose(run.control[7], forward, atol=1e-10)


def test_a_measurement_that_is_not_finite_leaves_the_controller_alone():
    controller = LOOP[1]
    state = controller.init(NET.unravel(THETA), jnp.asarray(START), TWO_LINK(0.0))
    broken = jnp.asarray(START).at[1].set(jnp.nan)
    after, control, alone = advance(controller, state, broken, TWO_LINK(0.0), 0.01)
    assert alone
    assert np.all(np.isfinite(control))
    jax.tree.map(np.testing.assert_array_equal, after, state)
    assert not advance(controller, state, jnp.asarray(START), TWO_LINK(0.0), 0.01)[2]


def test_delays_and_limits():
    with jax.enable_x64(True):
        theta = NET.unravel(THETA)
        late = simulate(*LOOP, theta, t1=0.2, actuator=Actuator(delay=0.03, lower=-20, upper=20.0))
        plain = simulate(*LOOP, theta, t1=0.2)
        blind = simulate(*LOOP, theta, t1=0.2, sensor=Sensor(delay=0.05))
    np.testing.assert_array_equal(late.control[:3], 0)
    np.testing.assert_allclose(late.control[3], np.clip(plain.control[0], -20, 20))
    assert np.abs(plain.control).max() > 20 >= np.abs(late.control).max()
    # For five samples and one the controller sees X(0): its control changes with the reference.
    np.testing.assert_allclose(blind.control[0], plain.control[0])
    apart = np.abs(blind.state - plain.state)
    assert apart[1].max() < 1e-15 < 1e-6 < apart[2:].max()


def test_gains_are_data():
    """Batched, and differentiated: as by central differences."""
    theta = NET.unravel(THETA)

    def worst(gain):
        controller = LbDNN(NET, TwoLink(), TrackingLaw(), feedback_gain=gain)
        run = simulate(TwoLink(), controller, TWO_LINK, START, theta, t1=0.2, solver="euler")
        return jnp.sum(run.error**2)

    with jax.enable_x64(True):
        both = jax.vmap(worst)(jnp.array([4.0, 5.0]))
        np.testing.assert_allclose(both, [worst(4.0), worst(5.0)], rtol=1e-9)
        ahead, behind = worst(5.0 + 1e-5), worst(5.0 - 1e-5)
        for differentiated in (jax.grad, jax.jacfwd):
            np.testing.assert_allclose(
                differentiated(worst)(5.0), (ahead - behind) / 2e-5, rtol=1e-5
            )


def test_known_numbers_may_be_arrays_inside_another_program():
    law = CompositeLaw(initial_gain=jnp.full(NET.size, 0.5), largest_gain=jnp.asarray(1.0))
    noise = jnp.full(4, 1e-3)

    def last(key):
        own = LbDNN(NET, TwoLink(), law, feedback_gain=jnp.asarray(5.0))
        loop = (TwoLink(), own, TWO_LINK, START, NET.unravel(THETA))
        return simulate(*loop, t1=0.03, sensor=Sensor(noise), key=key).state[-1]

    key = jax.random.key(0)
    np.testing.assert_allclose(jax.jit(last)(key), last(key), rtol=1e-5)


def test_adaptive_steps_agree_with_fine_ones():
    with jax.enable_x64(True):
        theta = NET.unravel(THETA)
        fine = simulate(*LOOP, theta, t1=0.2, substeps=8)
        adaptive = simulate(*LOOP, theta, t1=0.2, tolerance=1e-10)
    np.testing.assert_allclose(adaptive.state, fine.state, atol=1e-8)


class _Still:
    """Stepped from outside."""

    states = TwoLink().states
    controls = TwoLink().controls


def test_refusals():
    controller = LbDNN(NET, PLANT, TrackingLaw())
    theta = NET.unravel(THETA)
    good = (PLANT, controller, TWO_LINK, START, theta)
    with pytest.raises(ValueError, match="4 states"):
        simulate(*good[:3], np.zeros(3), theta, t1=1.0)
    with pytest.raises(ValueError, match="control_period <= t1"):
        simulate(*good, t1=0.001)
    for t1, period in ((np.inf, 0.01), (np.nan, 0.01), (1.0, np.nan), (1.005, 0.01)):
        with pytest.raises(ValueError, match=r"control_period <= t1|t1 is a multiple of"):
            simulate(*good, t1=t1, control_period=period)
    with pytest.raises(ValueError, match=r"a reference of 2; got shapes \(4,\) and \(1,\)"):
        simulate(PLANT, controller, Reference(Constant((0.0,))), START, theta, t1=1.0)
    with pytest.raises(ValueError, match="the controller's plant has 4 states"):
        simulate(Pendulum(), controller, TWO_LINK, np.zeros(2), theta, t1=1.0)
    one = FullyConnected((4, 1))
    short = NetworkFeedback(one, one.unravel(np.zeros(5)))
    with pytest.raises(ValueError, match=r"has 2 controls; the controller gives shape \(1,\)"):
        simulate(PLANT, short, TWO_LINK, START, t1=1.0)
    with pytest.raises(ValueError, match="_Still has no rate"):
        simulate(_Still(), controller, TWO_LINK, START, theta, t1=1.0)
    with pytest.raises(ValueError, match="gains of the tracking error are not finite"):
        simulate(PLANT, replace(controller, feedback_gain=np.nan), *good[2:], t1=1.0)
    with pytest.raises(ValueError, match="noise needs a key"):
        simulate(*good, t1=1.0, sensor=Sensor(0.1))
    with pytest.raises(ValueError, match="delay of the sensor is a multiple"):
        simulate(*good, t1=1.0, sensor=Sensor(delay=0.015))
    with pytest.raises(ValueError, match="initial parameters theta"):
        simulate(*good[:4], t1=1.0)
    with pytest.raises(ValueError, match="solver of diffrax"):
        simulate(*good, t1=1.0, solver="rk4")
    with pytest.raises(ValueError, match="4 inputs and 2 outputs"):
        LbDNN(FullyConnected((2, 2)), PLANT, TrackingLaw())
    with pytest.raises(ValueError, match="initial_gain < largest_gain"):
        CompositeLaw(initial_gain=3.0)
