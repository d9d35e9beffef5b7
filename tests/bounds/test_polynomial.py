"""The closed-form bounds: sound, equal to hand algebra, attained where they can be."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lbdnn.activations import get
from lbdnn.bounds.polynomial import Polynomial, polynomials, remainder
from lbdnn.networks import Affine, Chain, FullyConnected, Pointwise

SMOOTH = tuple(map(get, ("tanh", "sin", "logistic", "softplus", "gelu", "identity")))
FORMS = (False, True)
QUANTITIES = ("value", "jacobian", "hessian", "input_jacobian")


# ---------------------------------------------------------------- soundness


@st.composite
def networks(draw) -> Chain:
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=5))
    entry = st.floats(-2, 2)

    def scaling(n: int):
        part = st.lists(entry, min_size=n, max_size=n)
        return draw(st.none() | st.tuples(part, part))

    return FullyConnected(
        sizes,
        [draw(st.sampled_from(SMOOTH)) for _ in sizes[2:]],
        bias=draw(st.booleans()),
        output=draw(st.sampled_from(("linear", *SMOOTH))),
        input_scaling=scaling(sizes[0]),
        output_scaling=scaling(sizes[-1]),
    )


def exact_norms(net: Chain, vectors: np.ndarray, sigmas: np.ndarray) -> dict[str, np.ndarray]:
    """Norms at each point; the Hessian's from below, by the directions that it singles out."""

    def phi(vector: jax.Array, sigma: jax.Array) -> jax.Array:
        return net(net.unravel(vector), sigma)

    def norms(vector: jax.Array, sigma: jax.Array) -> dict[str, jax.Array]:
        tensor = jax.hessian(phi)(vector, sigma)
        eigenvectors = jnp.linalg.eigh(tensor)[1]
        second = jnp.einsum("oab,xai,xbi->oxi", tensor, eigenvectors, eigenvectors)
        return {
            "value": jnp.linalg.norm(phi(vector, sigma)),
            "jacobian": jnp.linalg.norm(jax.jacfwd(phi)(vector, sigma), 2),
            "hessian": jnp.max(jnp.linalg.norm(second, axis=0)),
            "input_jacobian": jnp.linalg.norm(jax.jacfwd(phi, 1)(vector, sigma), 2),
        }

    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, jax.jit(jax.vmap(norms))(vectors, sigmas))


@settings(max_examples=12, deadline=None)
@given(networks(), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1.5]))
def test_bounds_hold_at_every_point(net: Chain, seed: int, slack: float) -> None:
    rng = np.random.default_rng(seed)
    scale = rng.choice([0.0, 1e-3, 0.3, 1.0, 3.0, 1e3], (64, 1))
    vectors = scale * rng.standard_normal((64, net.size))
    sigmas = rng.choice([0.0, 1e-3, 1.0, 10.0], (64, 1)) * rng.standard_normal((64, net.inputs))
    exact = exact_norms(net, vectors, sigmas)
    t, θ = np.linalg.norm(sigmas, axis=1), slack * np.linalg.norm(vectors, axis=1)
    budgeted, loose = (Polynomial(form).upper(net, t, θ) for form in (True, False))
    for name in QUANTITIES:
        # Exact values carry rounding errors of their own.
        assert np.all(budgeted[name] * (1 + 1e-9) + 1e-12 >= exact[name]), name
        assert np.all(budgeted[name] <= loose[name] * (1 + 1e-12)), name


@pytest.mark.parametrize("budgeted", FORMS)
def test_first_order_bounds_hold_for_kinked_activations(budgeted: bool) -> None:
    net = FullyConnected((2, 3, 3, 2), "relu")
    rng = np.random.default_rng(0)
    vectors, sigmas = rng.standard_normal((200, net.size)), rng.standard_normal((200, 2))
    exact = exact_norms(net, vectors, sigmas)
    bound = Polynomial(budgeted).upper(
        net, np.linalg.norm(sigmas, axis=1), np.linalg.norm(vectors, axis=1)
    )
    assert set(bound) == {"value", "jacobian", "input_jacobian"}
    for name in bound:
        assert np.all(bound[name] >= exact[name] * (1 - 1e-9))


@settings(max_examples=15, deadline=None)
@given(networks(), st.integers(0, 2**32 - 1))
def test_remainder_holds_between_two_points_of_the_ball(net: Chain, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, net.size)) * rng.choice([0.1, 1.0, 5.0], (2, 1))
    sigma = rng.standard_normal(net.inputs)
    with jax.enable_x64(True):
        first, slope = jax.jvp(lambda v: net(net.unravel(v), sigma), (a,), (b - a,))
        error = np.linalg.norm(net(net.unravel(jnp.asarray(b)), sigma) - first - slope)
    θ = max(np.linalg.norm(a), np.linalg.norm(b))
    for budgeted in FORMS:
        bound = remainder(net, budgeted)(np.linalg.norm(sigma), θ) * np.linalg.norm(b - a) ** 2
        assert bound * (1 + 1e-9) + 1e-12 >= error


# ---------------------------------------------------------------- attained values


@pytest.mark.parametrize("bias", [False, True])
def test_attained_by_one_sine(bias: bool) -> None:
    # Φ = sin(wσ + b) has ∂²Φ/∂θ² = −sin(wσ + b)[σ; 1][σ; 1]ᵀ and ∂Φ/∂θ = cos(wσ + b)[σ; 1].
    net, t = FullyConnected((1, 1), output="sin", bias=bias), 0.7
    for budgeted in FORMS:
        bound = Polynomial(budgeted).upper(net, t, 10.0)
        assert bound["hessian"] == pytest.approx(t**2 + bias)
        assert bound["jacobian"] == pytest.approx(t + bias)  # √(t² + 1) ≤ t + 1


def test_attained_by_a_product_of_weights() -> None:
    # Φ = w_k ⋯ w_0 σ at w_j = θ̄/√(k+1).
    for k in range(6):
        net, θ, t = FullyConnected((1,) * (k + 2), "identity", bias=False), 1.7, 2.0
        bound = Polynomial().upper(net, t, θ)
        assert bound["value"] == pytest.approx(t * (θ / math.sqrt(k + 1)) ** (k + 1))
        assert bound["input_jacobian"] == pytest.approx((θ / math.sqrt(k + 1)) ** (k + 1))


def test_attained_by_the_hessian_of_two_weights() -> None:
    # Φ = w₁w₀σ has ∂²Φ/∂θ² = σ[[0, 1], [1, 0]], norm |σ|; as block norms summed, 2|σ|.
    net = FullyConnected((1, 1, 1), "identity", bias=False)
    assert Polynomial(True).upper(net, 3.0, 5.0)["hessian"] == pytest.approx(3.0)
    assert Polynomial(False).upper(net, 3.0, 5.0)["hessian"] == pytest.approx(6.0)


@settings(max_examples=50, deadline=None)
@given(networks())
def test_no_budgeted_coefficient_is_larger(net: Chain) -> None:
    loose, budgeted = (polynomials(net, form) for form in FORMS)
    for name in QUANTITIES:
        assert np.all(budgeted[name].coefficients <= loose[name].coefficients)


# ---------------------------------------------------------------- the interface


def test_shapes_and_types() -> None:
    net = FullyConnected((2, 3, 2), "tanh")
    scalars = Polynomial().upper(net, 1.0, 2.0)
    assert list(scalars) == list(QUANTITIES)
    assert all(type(value) is float for value in scalars.values())
    arrays = Polynomial().upper(net, np.ones((3, 1)), np.ones(5), ("input_jacobian", "value"))
    assert {name: np.shape(value) for name, value in arrays.items()} == {
        "input_jacobian": (3, 5),
        "value": (3, 5),
    }
    for name, rows in zip(QUANTITIES, (2, 2, 3, 1), strict=True):
        assert polynomials(net)[name].in_input(1.0).shape == (rows,)


def test_no_hessian_behind_a_kink() -> None:
    net = FullyConnected((2, 3, 2), "relu")
    assert set(polynomials(net)) == {"value", "jacobian", "input_jacobian"}
    with pytest.raises(ValueError, match="slope of relu jumps"):
        polynomials(net, quantities=["hessian"])
    with pytest.raises(ValueError, match="slope of relu jumps"):
        remainder(net)


def test_a_kink_in_front_of_all_parameters_does_not_matter() -> None:
    net = Chain((Pointwise(get("relu")), Affine(2, 1)), 2)
    assert not polynomials(net)["hessian"].coefficients.any()


def test_an_unbounded_slope_leaves_the_value() -> None:
    net = FullyConnected((2, 3, 2), "hardshrink")
    assert set(polynomials(net)) == {"value"}
    with pytest.raises(ValueError, match="slope of hardshrink is unbounded"):
        polynomials(net, quantities=["jacobian"])
    in_front = Chain((Pointwise(get("hardshrink")), Affine(2, 1)), 2)
    assert set(polynomials(in_front)) == {"value", "jacobian", "hessian"}


def test_what_has_no_bound_is_refused() -> None:
    cubic = replace(get("identity"), name="cubic", growth=(math.inf, math.inf))
    with pytest.raises(ValueError, match="cubic grows faster than any line"):
        polynomials(FullyConnected((2, 3, 2), cubic))
    logarithm = replace(get("tanh"), name="logarithm", domain=(0.0, math.inf))
    with pytest.raises(ValueError, match="logarithm is defined on"):
        polynomials(FullyConnected((2, 3, 2), logarithm))
    with pytest.raises(ValueError, match="quantities are value, jacobian"):
        polynomials(FullyConnected((2, 2)), quantities=["curvature"])

    class Other:
        def outputs(self, inputs: int) -> int:
            return inputs

    with pytest.raises(ValueError, match="got Other"):
        polynomials(Chain((Other(),), 2))  # type: ignore[arg-type]
