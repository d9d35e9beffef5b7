"""What holds for all parametrizations."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lbdnn.structured.weights import (
    SVD,
    Gershgorin,
    Hamiltonian,
    NormBounded,
    Orthogonal,
    PerronFrobenius,
    SchurStable,
    SkewSymmetric,
    Unstructured,
)

from .families import ALL, PROVED, parameters

KEY = jax.random.key(1)


def ascent(family, begun, direction):
    """Parameters after steps that raise ⟨direction, weight⟩: against any bound there is."""

    def step(_, point):
        gradient = jax.grad(lambda p: jnp.sum(direction * family(p)))(point)
        length = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)))
        return jax.tree.map(lambda x, g: x + 0.3 * g / jnp.maximum(length, 1e-9), point, gradient)

    return jax.lax.fori_loop(0, 20, step, begun)


@jax.jit(static_argnums=0)
def study(family, begun, direction, away):
    """Weights before and after an ascent, and defects of both and of weights elsewhere."""
    before = jax.vmap(family)(begun)
    after = jax.vmap(lambda p: family(ascent(family, p, direction)))(begun)
    return before, after, *map(jax.vmap(family.defect), (before, after, away))


@pytest.mark.parametrize("family", PROVED, ids=str)
def test_random_and_trained_weights_have_the_property(family):
    rng = np.random.default_rng(2)
    direction, away = rng.normal(size=family.shape), rng.normal(size=(1, *family.shape)) + 10
    with jax.enable_x64(True):
        found = study(family, parameters(family, 1, batch=(2,)), direction, away)
    before, after, defects, later, elsewhere = map(np.asarray, found)
    assert before.shape == (2, *family.shape) and before.dtype == np.float64
    assert np.max(defects) < 1e-13 and np.max(later) < 1e-12
    assert elsewhere > 1 or isinstance(family, Unstructured)
    gained = np.sum(direction * (after - before), (1, 2))
    # Equation (26) has one weight for n = 2.
    rigid = isinstance(family, Gershgorin) and family.n < 3
    assert np.all(gained == 0) if rigid else np.all(gained > 0)


@pytest.mark.parametrize("family", PROVED, ids=str)
def test_single_precision_stays_single(family):
    with jax.enable_x64(True):
        given = jax.tree.map(lambda x: x.astype(np.float32), parameters(family, 1))
        weight = jax.eval_shape(family, given)
        assert weight.dtype == jax.eval_shape(family.defect, weight).dtype == np.float32


@pytest.mark.parametrize("family", ALL, ids=str)
def test_other_shapes_are_refused(family):
    n_out, n_in = family.shape
    with pytest.raises(ValueError, match="weight must have shape"):
        family.defect(np.ones((n_out + 1, n_in)))
    with pytest.raises(ValueError, match="must have shape"):
        family(jax.tree.map(lambda x: x[None], parameters(family, 1)))


def test_frozen_and_hashable():
    assert hash(Orthogonal(2, 2)) == hash(replace(Orthogonal(2, 3), n_in=2))
    assert SVD(np.int64(2), 2, least=0, greatest=1) == SVD(2, 2, least=0.0, greatest=np.float32(1))


RANGED = (
    lambda **bounds: PerronFrobenius(2, 2, **bounds),
    lambda **bounds: SVD(2, 2, **bounds),
    lambda **bounds: Gershgorin(2, **bounds),
)


@pytest.mark.parametrize("make", RANGED)
@pytest.mark.parametrize(
    ("least", "greatest", "text"),
    [
        (1.0, 0.5, "least must be at most greatest"),
        (np.nan, 1.0, "least must be a finite number"),
        (0.0, np.inf, "greatest must be a finite number"),
        ("0", 1.0, "least must be a finite number"),
    ],
)
def test_bad_ranges_are_refused(make, least, greatest, text):
    with pytest.raises(ValueError, match=text):
        make(least=least, greatest=greatest)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Unstructured(0, 1), "n_out must be a positive integer"),
        (lambda: Unstructured(2, 1.5), "n_in must be a positive integer"),
        (lambda: SkewSymmetric(True), "n must be a positive integer"),
        (lambda: SkewSymmetric(2, damping=np.inf), "damping must be a finite number"),
        (lambda: Hamiltonian(3), "must be even; got 3"),
        (lambda: Gershgorin(2, least=0, greatest=1, eigenvalues="imaginary"), "eigenvalues must"),
        (lambda: Gershgorin(2, least=0, greatest=1, discs="small"), "discs must"),
        (lambda: Orthogonal(2, 2, method="qr"), "method must be one of"),
        (lambda: SVD(2, 2, least=0, greatest=1, factors="qr"), "factors must be one of"),
        (lambda: SchurStable(2, radius=0.0), "radius must be positive"),
        (lambda: NormBounded(2, 2, bound=-1.0), "bound must be positive"),
        (lambda: NormBounded(2, 2, bound=np.nan), "bound must be a finite number"),
    ],
)
def test_bad_choices_are_refused(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_inner_discs_need_centres():
    inner = Gershgorin(2, least=0, greatest=1, discs="inner")
    equal = replace(inner, discs="equal").init(KEY)
    with pytest.raises(ValueError, match="inner discs need centres"):
        inner(equal)
