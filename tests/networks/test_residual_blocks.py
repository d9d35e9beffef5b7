"""Residual blocks and repetitions inside each other, in a chain."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.activations import get
from lbdnn.networks import Affine, Chain, Pointwise, Repeat, Residual, Scaling

TANH = Pointwise(get("tanh"))

# What a chain can be: a repetition inside a block, a block inside a block, blocks in a repetition,
# a block without parameters.
NESTED = Chain(
    (
        Affine(2, 3),
        Repeat(
            (
                Residual((Repeat((TANH, Affine(3, 3)), 2), Residual((Affine(3, 3, bias=False),)))),
                Scaling((1.0, 0.5, -1.0), (0.0, 0.1, 0.0)),
            ),
            3,
        ),
        Residual((TANH,)),
        Affine(3, 1),
    ),
    inputs=2,
)


def test_blocks_and_repetitions_inside_each_other():
    with jax.enable_x64(True):
        theta = NESTED.init(jax.random.key(0))
        sigma = jnp.array([0.4, -0.7])
        weights = NESTED.weights(theta)
        rest = iter(weights)

        def affine(x, bias=True):
            return next(rest) @ (jnp.append(x, 1.0) if bias else x)

        x = affine(sigma)
        for _ in range(3):
            y = affine(jnp.tanh(affine(jnp.tanh(x))))
            x = x + y + affine(y, bias=False)
            x = jnp.array([1.0, 0.5, -1.0]) * x + jnp.array([0.0, 0.1, 0.0])
        x = x + jnp.tanh(x)
        expected = affine(x)
        np.testing.assert_allclose(NESTED(theta, sigma), expected, rtol=1e-13)
        np.testing.assert_allclose(NESTED.at(weights, sigma), expected, rtol=1e-13)
        again = NESTED.with_weights(weights)
    assert jax.tree.structure(again) == jax.tree.structure(theta)
    jax.tree.map(np.testing.assert_array_equal, again, theta)
    assert NESTED.size == 9 + 3 * (12 + 12 + 9) + 4
    assert [a.shape for a in NESTED.affine] == [w.shape for w in weights]
    assert [ς.name for ς in NESTED.activations] == ["tanh"] * 7


def test_steps_keep_a_block_whole_and_give_the_value():
    def walked(steps, x):
        for operation, own in steps:
            if isinstance(operation, Residual):
                x = x + walked(zip(operation.operations, own, strict=True), x)
            else:
                assert not isinstance(operation, Repeat)
                x = operation.apply(own, x)
        return x

    theta, sigma = NESTED.init(jax.random.key(0)), jnp.array([0.4, -0.7])
    steps = NESTED.steps(theta)
    kinds = [Affine, *[Residual, Scaling] * 3, Residual, Affine]
    assert [type(operation) for operation, _ in steps] == kinds
    np.testing.assert_allclose(walked(steps, sigma), NESTED(theta, sigma), rtol=1e-6)
    assert not any(isinstance(o, Residual | Repeat) for o in NESTED.elementary)
    assert len(NESTED.elementary) == 1 + 3 * (5 + 1) + 1 + 1


@pytest.mark.parametrize(
    "operations, sentence",
    [
        ((Residual((Affine(2, 3),)),), "operation 0: a residual block .* it maps 2 to 3"),
        ((TANH, Residual((Affine(3, 2),))), "operation 1: an affine layer of 3 inputs is given 2"),
        ((Repeat((Residual((Affine(2, 1),)),), 2),), "a residual block .* it maps 2 to 1"),
        ((Residual((Repeat((Affine(2, 1),), 2),)),), "a repeated block .* it maps 2 to 1"),
    ],
)
def test_a_block_that_does_not_fit_is_refused(operations, sentence):
    with pytest.raises(ValueError, match=sentence):
        Chain(operations, 2)
