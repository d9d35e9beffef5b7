"""Fixed steps written out, beside diffrax's own."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.control import TwoLink
from lbdnn.control.integration import held

PLANT = TwoLink()


@pytest.mark.parametrize("solver", [diffrax.Tsit5(), diffrax.Heun(), diffrax.Bosh3()])
def test_a_step_is_the_solvers_own(solver):
    rng = np.random.default_rng(0)
    term = diffrax.ODETerm(lambda t, state, control: PLANT.rate(state, control))
    with jax.enable_x64(True):
        state, control = jnp.asarray(rng.normal(size=4)), jnp.asarray(10 * rng.normal(size=2))
        own = held(PLANT, state, control, 0.1, solver, 2, None)
        for _ in range(2):
            first = solver.init(term, 0.0, 0.05, state, control)
            state = solver.step(term, 0.0, 0.05, state, control, first, False)[0]
    np.testing.assert_allclose(own, state, rtol=1e-12)
