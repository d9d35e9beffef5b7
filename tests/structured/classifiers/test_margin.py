"""The hinge loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.structured.classifiers import hinge, margin_for_radius


def test_it_is_what_the_lead_lacks_of_the_margin():
    logits = jnp.array([[3.0, 1.0, 0.0], [3.0, 2.5, 3.5], [0.0, 0.0, 0.0]])
    found = hinge(logits, jnp.array([0, 0, 2]), margin=1.5)
    np.testing.assert_allclose(found, [0.0, 2.0, 1.5])
    slope = jax.grad(lambda v: hinge(v, jnp.array(0), margin=1.5))(logits[1])
    np.testing.assert_allclose(slope, [-1.0, 0.0, 1.0])


def test_a_margin_is_the_root_of_two_times_constant_and_radius():
    # Along the difference of two logits a map x ↦ (x, −x) of constant √2 loses a lead by 2|dx|.
    assert margin_for_radius(0.5, lipschitz=np.sqrt(2)) == pytest.approx(2 * 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hinge(np.zeros((2, 3)), np.zeros(3, int), margin=1.0), "got (2, 3) and (3,)"),
        (lambda: hinge(np.zeros((2, 3)), np.full(2, 3), margin=1.0), "from 0 to 2"),
        (lambda: hinge(np.zeros((2, 3)), np.zeros(2), margin=1.0), "must be integers"),
        (lambda: hinge(np.zeros((2, 1)), np.zeros(2, int), margin=1.0), "two classes at least"),
        (lambda: margin_for_radius(-1.0), "finite and >= 0; got -1.0"),
    ],
)
def test_what_has_no_loss_is_refused(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)
