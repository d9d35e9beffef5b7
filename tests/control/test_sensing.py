"""Sensors and actuators: when feedback is lost, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.control import PD, PID, Actuator, Constant, Lost, Reference, Sensor, TwoLink, simulate


@pytest.mark.parametrize("period", [0.01, 0.02, 0.001])
def test_intervals_end_with_their_sample_in_single_precision(period):
    """Times are products of a rounded period, wrong by more than half a microsecond."""
    first, last, count = round(25.5 / period), round(25.6 / period), round(30 / period)
    time = jnp.float32(period) * jnp.arange(count, dtype=jnp.float32)
    found = np.asarray(Lost(((25.5, 25.6),))(time))
    np.testing.assert_array_equal(np.flatnonzero(~found), np.arange(first, last))


def test_intervals_are_data_of_any_kind_and_in_order():
    assert hash(Lost([[1, 2], [3, 4.5]])) == hash(Lost(((1.0, 2.0), (3.0, 4.5))))
    assert np.all(Lost(())(jnp.arange(3.0)))
    with pytest.raises(ValueError, match=r"starts before it ends; got \(6, 5\)"):
        Lost(((1.0, 2.0), (6.0, 5.0)))
    with pytest.raises(ValueError, match="pairs"):
        Lost((5.0, 6.0))


def started(controller=None, **options):
    controller = PD(TwoLink()) if controller is None else controller
    return simulate(
        TwoLink(), controller, Reference(Constant((0.0, 0.0))), np.ones(4), t1=0.02, **options
    )


def test_limits_by_control_from_a_list():
    run = started(actuator=Actuator(lower=[-1.0, -2.0], upper=[1.0, 2.0]))
    np.testing.assert_array_equal(run.control[0], [-1.0, -2.0])


@pytest.mark.parametrize(
    ("sensor", "actuator", "sentence"),
    [
        (Sensor(-0.1), Actuator(), "standard deviations >= 0"),
        (Sensor(float("nan")), Actuator(), "standard deviations >= 0"),
        (Sensor(np.ones(3)), Actuator(), "noise takes a number or 4 numbers"),
        (Sensor(), Actuator(lower=1.0, upper=-1.0), "lower <= upper"),
        (Sensor(), Actuator(lower=[0.0, 3.0], upper=2.0), "lower <= upper"),
        (Sensor(), Actuator(upper=np.ones(3)), "upper takes a number or 2 numbers"),
        (Sensor(delay=-0.01), Actuator(), "the delay of the sensor is a multiple"),
        (Sensor(), Actuator(delay=float("nan")), "the delay of the actuator is a multiple"),
    ],
)
def test_refusals(sensor, actuator, sentence):
    key = None if sensor.noise is None else jax.random.key(0)
    with pytest.raises(ValueError, match=sentence):
        started(sensor=sensor, actuator=actuator, key=key)


def test_a_controller_with_no_control_between_its_limits_is_refused():
    with pytest.raises(ValueError, match="lower <= upper"):
        started(PID(TwoLink(), lower=1.0, upper=0.0))
