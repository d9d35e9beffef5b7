"""A control step in a file, beside the controller that it was made of."""

import io
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn import FullyConnected
from lbdnn.control import CompositeLaw, LbDNN, TrackingLaw, TwoLink, advance
from lbdnn.control.deployment import export_step, load_step
from lbdnn.control.references import Motion

NET = FullyConnected((4, 2, 2))
PERIOD = 0.002
SIZES = {"states": 4, "positions": 2, "period": PERIOD}


@pytest.fixture(scope="module", params=[("tracking", "float64"), ("composite", "float32")])
def made(request):
    law, dtype = request.param
    controller = LbDNN(NET, TwoLink(), TrackingLaw() if law == "tracking" else CompositeLaw())
    with jax.enable_x64(dtype == "float64"):
        theta = NET.init(jax.random.key(0))
    return controller, theta, dtype, export_step(controller, theta, **SIZES, dtype=dtype)


def samples(count):
    rng = np.random.default_rng(0)
    return [(rng.normal(size=4), *rng.normal(size=(3, 2))) for _ in range(count)]


def test_is_the_controllers_step_also_without_a_measurement(made):
    controller, theta, dtype, data = made
    loaded = load_step(data)
    several = samples(6)
    several[3][0][1] = np.nan
    with jax.enable_x64(dtype == "float64"):
        given = [[jnp.asarray(part, dtype) for part in one] for one in several]
        own = controller.init(theta, given[0][0], Motion(*given[0][1:]))
        plain = jax.jit(lambda state, x, motion: advance(controller, state, x, motion, PERIOD))
        state = loaded.init(*several[0])
        stills = []
        for numbers, arrays in zip(several, given, strict=True):
            before = [np.array(leaf) for leaf in state]
            own, expected, _ = plain(own, arrays[0], Motion(*arrays[1:]))
            state, control, still = loaded.step(state, *numbers)
            assert control.dtype == dtype
            tolerance = 1e-12 if dtype == "float64" else 1e-4
            np.testing.assert_allclose(control, expected, rtol=tolerance, atol=tolerance)
            unchanged = all(np.array_equal(*pair) for pair in zip(before, state, strict=True))
            assert unchanged == still
            stills.append(still)
        for leaf, wanted in zip(state, jax.tree.leaves(own), strict=True):
            np.testing.assert_allclose(leaf, wanted, rtol=tolerance, atol=tolerance)
    assert stills == [False, False, False, True, False, False]


def test_is_read_by_jax_alone(made):
    _, _, dtype, data = made
    (measured, *motion), loaded = samples(1)[0], load_step(data)
    _, expected, _ = loaded.step(loaded.init(measured, *motion), measured, *motion)
    archive = zipfile.ZipFile(io.BytesIO(data))
    with jax.enable_x64(dtype == "float64"):
        init, step = (
            jax.export.deserialize(bytearray(archive.read(name))).call for name in ("init", "step")
        )
        numbers = [jnp.asarray(part, dtype) for part in (measured, *motion)]
        _, control, still = step(init(*numbers), *numbers)
    np.testing.assert_array_equal(control, expected)
    assert not still


def test_nothing_is_compiled_after_loading(made):
    loaded, several = load_step(made[3]), samples(5)
    state = loaded.init(*several[0])
    state, _, _ = loaded.step(state, *several[0])
    compiled = []

    def listener(event, *_, **__):
        if "compile" in event:
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        for numbers in several:
            state, _, _ = loaded.step(state, *numbers)
        assert not compiled
        jax.jit(lambda x: x + 3.14)(1.0)  # the listener does hear
        assert compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)


def test_refusals(made, tmp_path):
    controller, theta, _, data = made
    loaded = load_step(data)
    with pytest.raises(ValueError, match="shape \\(4,\\)"):
        loaded.init(np.zeros(3), *np.zeros((3, 2)))
    with pytest.raises(ValueError, match="acceleration of shape \\(2,\\)"):
        loaded.step(loaded.init(np.zeros(4), *np.zeros((3, 2))), np.zeros(4), *np.zeros((3, 1)))
    with pytest.raises(ValueError, match="period > 0"):
        export_step(controller, theta, states=4, positions=2, period=0.0)
    for wrong in (b"", b"PK", data[: len(data) // 2]):
        with pytest.raises(ValueError, match="cannot be read as a control step"):
            load_step(wrong)
    with pytest.raises(ValueError, match=r"absent.zip cannot be read as a control step"):
        load_step(tmp_path / "absent.zip")
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("about.json", '{"format": "something else"}')
    with pytest.raises(ValueError, match="something else"):
        load_step(other.getvalue())
