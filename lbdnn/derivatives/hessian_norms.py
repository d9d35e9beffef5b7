"""Norms of ∂²Φ/∂θ² for up to about a million parameters, and of ∂²Φ/∂σ²."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..networks import Chain, Theta
from .dense import input_hessian
from .hessian_range import Basis, compressed_hessian, range_basis, range_size, restricted
from .layers import floating
from .tensor_norms import TensorNorm, check_norm, tensor_norm

# Up to this many rows LAPACK is faster than ARPACK.
_DENSE_UP_TO = 128
# Numbers in the derivatives of one chunk of directions.
_CHUNK = 2**22


def hessian_norm(
    net: Chain, theta: Theta, sigma: Float[Array, " n"], norm: TensorNorm = "operator"
) -> float:
    r"""A norm of the third-order tensor ∂²Φ/∂θ² (m × p × p) at a point, without forming it.

    operator ≤ unfolded ≤ frobenius. Everything runs in float64, on `compressed_hessian`'s d
    coordinates, d ≪ p.

    **Arguments:**

    - `norm`: "operator", sup over unit E ∈ R^p of ‖∂²Φ[E, E]‖₂, the one that a Taylor remainder
      needs: the lower end of `hessian_norm_bounds` with its defaults, so a value that is attained.
      "unfolded", the spectral norm of the (m·p) × p matrix: √λ_max(Σ_i H_i²), H_i = ∂²Φ_i/∂θ²; by
      Lanczos, 2m Hessian-vector products a step. "frobenius", exact but for rounding: d products of
      a vector with m Hessians.

    **Returns:** a float. An eigenvalue by Lanczos has a relative error of about 1e-9 and may, as
    with any such method, in principle be a smaller one; for d ≤ 128 it is LAPACK's. Where d > 128,
    unfolded and Frobenius norms lose digits below 1e-154.
    """
    check_norm(norm)
    if norm == "operator":
        return hessian_norm_bounds(net, theta, sigma)[0]
    with jax.enable_x64(True):
        second = _Second(net, theta, sigma)
        return second.unfolded() if norm == "unfolded" else second.frobenius()


def hessian_norm_bounds(
    net: Chain,
    theta: Theta,
    sigma: Float[Array, " n"],
    *,
    gap: float = 1e-2,
    max_evaluations: int = 128,
) -> tuple[float, float]:
    r"""Lower and upper bounds of the operator norm of ∂²Φ/∂θ² at a point.

    The norm is the sup over unit u ∈ R^m of f(u) = ‖Σ_i u_i ∂²Φ_i/∂θ²‖₂. f is a seminorm, so
    `sphere.sphere_maximum` applies. (For m = 2 it is the numerical radius of H_1 + iH_2.)

    *Lower*: ‖∂²Φ[E, E]‖ for a unit E that was found: E is the eigenvector of Σ_i u_i H_i of the
    largest |λ|, u from ascents to local maxima of f (±∂²Φ[E, E] is a subgradient of f at u).

    *Upper*: from values of f that cover the sphere, so no other local maximum is overlooked. It
    holds for exact values of f; these are ARPACK's (LAPACK's for d ≤ 128), not certified. For m = 1
    the ends agree but for rounding. For m = 2 the gap is reached with at most about 2.3/√gap values
    of f besides the ascents'. Where `max_evaluations` ends the search before (m ≥ 4, often),
    it is the unfolded norm if that is smaller.

    **Arguments:**

    - `gap`: relative difference of the two at which to stop.
    - `max_evaluations`: how many values of f to spend; each is an eigenvalue problem.
    """
    # Lazily: `import lbdnn` does without scipy.
    from .sphere import sphere_maximum

    with jax.enable_x64(True):
        second = _Second(net, theta, sigma)

        def oracle(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, direction = _extreme(second.contract(u))
            return abs(value), math.copysign(1.0, value) * second.along(direction)

        lower, upper = sphere_maximum(oracle, net.outputs, gap=gap, max_evaluations=max_evaluations)
        if upper > (1 + gap) * lower:
            upper = max(lower, min(upper, second.unfolded()))
    return lower, upper


def input_hessian_norm(
    net: Chain, theta: Theta, sigma: Float[Array, " n"], norm: TensorNorm = "operator"
) -> Float[Array, ""]:
    """A norm of ∂²Φ/∂σ² (m × n × n): `tensor_norm` of `input_hessian`, as any JAX function."""
    return tensor_norm(input_hessian(net, theta, sigma), norm)


class _Second:
    """∂²Φ/∂θ² in the d coordinates, in float64: dense where small, else matrix-free."""

    def __init__(self, net: Chain, theta: Theta, sigma: Array) -> None:
        theta, sigma = _double(theta), _double(floating(sigma))
        self.size = range_size(net)
        self.tensor = None
        if self.size <= _DENSE_UP_TO:
            self.tensor = np.asarray(_compressed_hessian(net, theta, sigma))
        else:
            self.place = (net, theta, sigma, _range_basis(net, theta, sigma))

    def contract(self, u: np.ndarray) -> Any:
        """Σ_i u_i H_i, a matrix or a linear operator."""
        if self.tensor is not None:
            return np.tensordot(u, self.tensor, 1)
        return self._operator(partial(_contract, *self.place, u))

    def along(self, direction: np.ndarray) -> np.ndarray:
        """∂²Φ[E, E], shape (m,)."""
        if self.tensor is not None:
            return self.tensor @ direction @ direction
        return np.asarray(_along(*self.place, direction))

    def unfolded(self) -> float:
        if self.tensor is not None:
            return float(np.linalg.norm(_finite(self.tensor).reshape(-1, self.size), 2))
        squares = self._operator(partial(_squares, *self.place))
        return math.sqrt(max(_extreme(squares)[0], 0.0))

    def frobenius(self) -> float:
        if self.tensor is not None:
            return math.hypot(*_finite(self.tensor).ravel())
        return math.sqrt(_finite(_squared_frobenius(*self.place)))

    def _operator(self, product: Callable[[np.ndarray], Array]) -> Any:
        from scipy.sparse.linalg import LinearOperator

        def matvec(x: np.ndarray) -> np.ndarray:
            return np.asarray(product(x.ravel()))

        return LinearOperator((self.size, self.size), matvec=matvec, dtype=np.float64)  # pyright: ignore[reportCallIssue]


def _extreme(matrix: Any) -> tuple[float, np.ndarray]:
    """The eigenvalue of largest modulus of a symmetric matrix, and a unit eigenvector."""
    start = np.random.default_rng(0).standard_normal(matrix.shape[0])
    image = _finite(matrix @ start)
    if not np.any(image):  # for a random start: with probability one the matrix is zero
        return 0.0, start / max(float(np.linalg.norm(start)), 1.0)
    if isinstance(matrix, np.ndarray):
        values, vectors = np.linalg.eigh(matrix)
    else:
        from scipy.sparse.linalg import eigsh

        # Two, as restarts for one alone are slow where λ_min ≈ −λ_max. The error of an eigenvalue
        # is of second order in the residual that `tol` limits.
        values, vectors = eigsh(matrix, k=2, which="LM", v0=start, tol=1e-5, ncv=40)  # pyright: ignore[reportArgumentType]
    largest = int(np.argmax(np.abs(values)))
    return float(values[largest]), vectors[:, largest]


def _finite(value: Any) -> Any:
    if not np.all(np.isfinite(value)):
        raise ValueError("∂²Φ/∂θ² is not finite at this point; pass smaller parameters or inputs")
    return value


def _double(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), tree)


_compressed_hessian = jax.jit(compressed_hessian, static_argnums=0)
_range_basis = jax.jit(range_basis, static_argnums=0)


def _slope(
    net: Chain, theta: Theta, sigma: Array, basis: Basis, direction: Array
) -> Callable[[Array], Array]:
    """c ↦ ∂Φ[E] at θ + Kc, shape (m,): forward mode first, as in `dense.second_derivative`."""
    function = partial(restricted, net, theta, sigma, basis)
    return lambda c: jax.jvp(function, (c,), (direction,))[1]


@partial(jax.jit, static_argnums=0)
def _contract(
    net: Chain, theta: Theta, sigma: Array, basis: Basis, u: Array, direction: Array
) -> Array:
    """Σ_i u_i H_i E, shape (d,)."""
    slope = _slope(net, theta, sigma, basis, direction)
    return jax.grad(lambda c: jnp.sum(u * slope(c)))(jnp.zeros_like(direction))


@partial(jax.jit, static_argnums=0)
def _products(net: Chain, theta: Theta, sigma: Array, basis: Basis, direction: Array) -> Array:
    """H_i E, shape (m, d)."""
    slope = _slope(net, theta, sigma, basis, direction)
    return jax.jacrev(slope)(jnp.zeros_like(direction))


@partial(jax.jit, static_argnums=0)
def _squares(net: Chain, theta: Theta, sigma: Array, basis: Basis, direction: Array) -> Array:
    """Σ_i H_i² E, shape (d,)."""
    once = _products(net, theta, sigma, basis, direction)
    again = jax.vmap(partial(_contract, net, theta, sigma, basis))
    return jnp.sum(again(jnp.eye(net.outputs), once), axis=0)


@partial(jax.jit, static_argnums=0)
def _along(net: Chain, theta: Theta, sigma: Array, basis: Basis, direction: Array) -> Array:
    """∂²Φ[E, E], shape (m,)."""
    slope = _slope(net, theta, sigma, basis, direction)
    return jax.jvp(slope, (jnp.zeros_like(direction),), (direction,))[1]


@partial(jax.jit, static_argnums=0)
def _squared_frobenius(net: Chain, theta: Theta, sigma: Array, basis: Basis) -> Array:
    size = range_size(net)

    def column(index: Array) -> Array:
        unit = jax.nn.one_hot(index, size, dtype=sigma.dtype)
        return jnp.sum(_products(net, theta, sigma, basis, unit) ** 2)

    batch = min(size, max(1, _CHUNK // (net.outputs * size)))
    return jnp.sum(jax.lax.map(column, jnp.arange(size), batch_size=batch))
