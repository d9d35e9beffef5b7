"""‖∂Φ/∂θ‖₂ and ‖∂Φ/∂σ‖₂ without the large matrices they are norms of."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..networks import Affine, Chain, Theta
from ..networks.operations import UNROLL_UP_TO
from .dense import input_jacobian
from .layers import matmul, record_layers


def jacobian_norm(net: Chain, theta: Theta, sigma: Float[Array, " n"]) -> Float[Array, ""]:
    """‖∂Φ/∂θ‖₂ = √λ_max(Φ'Φ'ᵀ), from `jacobian_gram`.

    The relative error is a few ulp times the depth, except where squares leave the range of the
    dtype: in float32 the norm is inf or NaN above 1e19 and loses digits below 1e-19 (1e±154 in
    float64). It is differentiable where the largest eigenvalue is simple.
    """
    return _root(_largest_eigenvalue(jacobian_gram(net, theta, sigma)))


def jacobian_gram(net: Chain, theta: Theta, sigma: Float[Array, " n"]) -> Float[Array, "m m"]:
    """Φ'Φ'ᵀ = Σ_j ‖s_j‖² B_j B_jᵀ, Φ' = ∂Φ/∂θ, without forming Φ' (m × p).

    s_j is what the j-th affine layer multiplies (with the appended 1 where it has a bias), B_j the
    derivative of Φ in that layer's value: ∂Φ/∂vec V_j = B_j(I ⊗ s_jᵀ). The price is one forward
    pass and one backward pass with m seeds, the memory 1 + m times that of the hidden values.
    """

    def share(layer: Affine, s: Array, slope: Array) -> Array:
        return (matmul(s, s) + layer.bias) * matmul(slope, slope.T)

    records = record_layers(net, theta, sigma, share, unroll_up_to=UNROLL_UP_TO)
    m = net.outputs
    shares = [leaf.reshape(-1, m, m) for leaf in jax.tree.leaves(records)]
    return jnp.sum(jnp.concatenate(shares or [jnp.zeros((1, m, m))]), axis=0)


def input_jacobian_norm(net: Chain, theta: Theta, sigma: Float[Array, " n"]) -> Float[Array, ""]:
    """‖∂Φ/∂σ‖₂, from the smaller of the two Gram matrices of ∂Φ/∂σ (m × n).

    Differentiable where the largest singular value is simple.
    """
    slope = input_jacobian(net, theta, sigma)
    if net.outputs > net.inputs:
        slope = slope.T
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(slope)))
    scale = jnp.where(largest > 0, largest, 1)  # else squares of small slopes underflow
    slope = slope / scale
    return scale * _root(_largest_eigenvalue(matmul(slope, slope.T)))


def _largest_eigenvalue(gram: Float[Array, "m m"]) -> Float[Array, ""]:
    """Of a symmetric positive semidefinite matrix: in closed form for m ≤ 2."""
    if len(gram) == 1:
        return gram[0, 0]
    if len(gram) == 2:
        mean = (gram[0, 0] + gram[1, 1]) / 2
        return mean + _hypot((gram[0, 0] - gram[1, 1]) / 2, gram[0, 1])
    return jnp.linalg.eigvalsh(gram)[-1]


def _hypot(x: Array, y: Array) -> Array:
    """√(x² + y²) with gradient 0, not NaN, at 0."""
    zero = (x == 0) & (y == 0)
    return jnp.where(zero, 0, jnp.hypot(jnp.where(zero, 1, x), y))


def _root(x: Array) -> Array:
    """√max(x, 0) with gradient 0, not NaN, at 0."""
    x = jnp.maximum(x, 0)
    return jnp.where(x == 0, 0, jnp.sqrt(jnp.where(x == 0, 1, x)))
