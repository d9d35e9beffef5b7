"""MuJoCo's physics against ours, and the plant that wraps it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.control.plants import ARM, MujocoPlant, TwoLink, two_link_mjcf

pytest.importorskip("mujoco", reason="needs the mujoco extra")

PLANT = TwoLink()
SLIDER = """<mujoco><worldbody><body><joint type="slide" axis="1 0 0"/><geom size="0.1" mass="2"/>
<body><joint name="turn" type="ball"/><geom size="0.1" mass="1"/></body></body></worldbody>
<actuator><motor joint="turn" gear="1 0 0"/></actuator></mujoco>"""


@pytest.fixture(scope="module")
def two_link():
    return MujocoPlant(two_link_mjcf(PLANT))


def test_accelerations_of_the_two_link_are_mujocos(two_link):
    draw = np.random.default_rng(0)
    states, controls = 3 * draw.normal(size=(20, 4)), 10 * draw.normal(size=(20, 2))
    with jax.enable_x64(True):
        rates = np.asarray(jax.jit(jax.vmap(PLANT.rate))(states, controls))
    found = [two_link.acceleration(*pair) for pair in zip(states, controls, strict=True)]
    np.testing.assert_allclose(found, rates[:, 2:], rtol=0, atol=1e-12 * np.abs(rates).max())
    assert two_link.states == PLANT.states
    assert two_link.controls == PLANT.controls


@pytest.mark.parametrize(
    ("inertia", "length"), [((3.473, 0.196, 0.242), 0.4), ((2.0, 0.5, -0.6), 1.0), ((2, 1, 0), 2.0)]
)
def test_any_inertia_has_links(inertia, length):
    plant = TwoLink(inertia=inertia)
    model = MujocoPlant(two_link_mjcf(plant, length=length))
    state, control = np.array([0.3, 1.1, -2.0, 0.7]), np.array([1.0, -2.0])
    with jax.enable_x64(True):
        expected = np.asarray(plant.rate(state, control))[2:]
    np.testing.assert_allclose(model.acceleration(state, control), expected, rtol=1e-10)


def test_a_held_control_moves_both_alike(two_link):
    start, periods, steps = np.array([1.0, -1.0, 0.0, 0.5]), 50, 10
    controls = 5 * np.random.default_rng(1).normal(size=(periods, 2))

    def hold(state, control):
        h = 1e-3

        def step(_, state):
            one = PLANT.rate(state, control)
            two = PLANT.rate(state + h / 2 * one, control)
            three = PLANT.rate(state + h / 2 * two, control)
            return state + h / 6 * (
                one + 2 * two + 2 * three + PLANT.rate(state + h * three, control)
            )

        state = jax.lax.fori_loop(0, steps, step, state)
        return state, state

    with jax.enable_x64(True):
        ours = jax.jit(lambda x, u: jax.lax.scan(hold, x, u)[1])(start, controls)
    np.testing.assert_array_equal(two_link.reset(start), start)
    found = [two_link.step(control, 0.01) for control in controls]
    np.testing.assert_allclose(found, ours, atol=1e-10)
    assert two_link.time == pytest.approx(0.5)


def test_the_arm_is_held_by_torques_against_its_weight():
    arm = MujocoPlant(ARM)
    assert [variable.name for variable in arm.states[:4]] == [
        f"angle of {joint}" for joint in ("yaw", "shoulder", "elbow", "wrist")
    ]
    assert {variable.unit for variable in arm.controls} == {"N m"}
    # Masses (kg) at these distances (m) along x from the shoulder, joints at 0, 0.4 and 0.7 m.
    masses, centres, joints = np.array([2.0, 1.5, 0.5]), [0.2, 0.55, 0.75], [0.0, 0.4, 0.7]
    held = [9.81 * masses @ np.maximum(np.subtract(centres, joint), 0) for joint in joints]
    rest = np.zeros(8)
    np.testing.assert_allclose(arm.acceleration(rest, [0, *held]), 0, atol=1e-10)
    assert arm.acceleration(rest, np.zeros(4))[1] < -1  # let go, it falls
    arm.reset(rest)
    np.testing.assert_allclose(arm.step([0, *held], 0.01), 0, atol=1e-10)


def test_the_arms_acceleration_is_affine_in_torques_within_their_limits():
    arm, draw = MujocoPlant(ARM), np.random.default_rng(2)
    state, (first, second) = draw.normal(size=8), draw.normal(size=(2, 4))
    at = [arm.acceleration(state, u) for u in (first, second, (first + second) / 2)]
    np.testing.assert_allclose((at[0] + at[1]) / 2, at[2], atol=1e-10)
    beyond = [arm.acceleration(state, [force, 0, 0, 0]) for force in (30.0, 80.0)]
    np.testing.assert_array_equal(*beyond)


def test_other_joints_are_named_by_kind():
    plant = MujocoPlant(SLIDER)
    assert [tuple(variable) for variable in plant.states] == [
        ("position of joint 1", "m"), *((f"quaternion {i} of turn", "1") for i in range(4)),
        ("velocity of joint 1", "m/s"),
        *((f"velocity about {axis} of turn", "rad/s") for axis in "xyz"),
    ]  # fmt: skip
    assert plant.controls[0] == ("actuator 1", "")
    np.testing.assert_array_equal(plant.state, [0, 1, 0, 0, 0, 0, 0, 0, 0])


def test_divergence_stays_until_reset(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # where MuJoCo writes its log
    plant = MujocoPlant(two_link_mjcf(PLANT))
    plant.reset([0, 0, 1e200, 1e200])
    for _ in range(2):
        assert not np.isfinite(plant.step(np.zeros(2), 0.01)).all()
    np.testing.assert_array_equal(plant.reset(), np.zeros(4))
    assert np.isfinite(plant.step(np.ones(2), 0.01)).all()


def test_refusals(two_link, tmp_path):
    for call, message in [
        (lambda: two_link.reset(np.zeros(3)), "4 states"),
        (lambda: two_link.step(np.zeros(3), 0.01), "2 controls"),
        (lambda: two_link.step([np.nan, 0], 0.01), "a control is finite"),
        (lambda: two_link.step(np.zeros(2), 0.0105), "multiple of MuJoCo's timestep, 0.001 s"),
        (lambda: two_link.step(np.zeros(2), np.nan), "multiple of MuJoCo's timestep"),
        (lambda: MujocoPlant("<mujoco>"), "does not read"),
        (lambda: MujocoPlant(tmp_path / "none.xml"), "does not read"),
        (lambda: MujocoPlant(ARM, timestep=0.0), "positive number of seconds"),
        (lambda: two_link_mjcf(TwoLink(inertia=(1.0, 0.5, 0.6))), "p2 \\(p1 - p2\\) > p3"),
        (lambda: two_link_mjcf(TwoLink(drift_with_inertia=False)), "no mechanical system"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_jax_is_not_needed_in_the_loop(two_link):
    """States are NumPy's, so that a loop at a fixed rate dispatches nothing."""
    two_link.reset()
    assert type(two_link.step(jnp.ones(2), 0.01)) is np.ndarray
