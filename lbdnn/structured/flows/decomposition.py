"""Any field as a gradient and a field that keeps spheres."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..weights.parametrization import matmul

Field = Callable[[Float[Array, " n"]], Float[Array, " n"]]


class Decomposition(NamedTuple):
    """f(x) = gradient + tangential, with gradient = ∇U(x) and xᵀ tangential = 0."""

    potential: Float[Array, ""]
    gradient: Float[Array, " n"]
    tangential: Float[Array, " n"]


def potential(f: Field, x: Float[Array, " n"], *, nodes: int = 32) -> Float[Array, ""]:
    r"""U(x) = ∫₀¹ xᵀf(tx)dt, by the rule of Gauss and Legendre.

    For f = ∇V it is V(x) − V(0). The rule is exact where t ↦ xᵀf(tx) is a polynomial of degree
    2 nodes − 1; its error falls fast for analytic f, like nodes⁻² for f with kinks.

    **Arguments:** `f`, written with `jax.numpy`, (n,) to (n,); `nodes` ≥ 1.

    **Raises:** ValueError for a number of nodes that is not positive, and values of another shape.
    """
    if nodes < 1:
        raise ValueError(f"the number of nodes must be positive; got {nodes!r}")
    x = jnp.asarray(x, jnp.result_type(x, float))
    points, weights = np.polynomial.legendre.leggauss(nodes)
    times, weights = (jnp.asarray(v / 2, x.dtype) for v in (1 + points, weights))
    values = jax.vmap(lambda t: f(t * x))(times)
    if values.shape[1:] != x.shape:
        raise ValueError(f"f must map {x.shape} to {x.shape}; its value is {values.shape[1:]}")
    return jnp.sum(weights * matmul(values, x))


def decompose(f: Field, x: Float[Array, " n"], *, nodes: int = 32) -> Decomposition:
    r"""f = ∇U + X_S with U(x) = ∫₀¹ xᵀf(tx)dt: a gradient, and a field tangential to spheres.

    *Proof* that xᵀX_S = 0: U(sx) = ∫₀ˢ xᵀf(τx)dτ, so xᵀ∇U(x) = d/ds U(sx) = xᵀf(x) at s = 1. It is
    the only such decomposition up to a function with xᵀ∇C(x) = 0, which is constant.

    U is computed by `potential`, ∇U is its exact derivative: a gradient whatever the nodes. The
    error of the rule shows as xᵀX_S ≠ 0, which `decomposition_defect` measures; for f with kinks it
    falls like nodes⁻¹ only.

    **Arguments**, **raises:** as `potential`; f is C¹.

    Presnov (2002), *Non-local decomposition of vector fields*, Chaos, Solitons & Fractals 14;
    Celledoni et al. (2022, arXiv 2210.02373).
    """
    x = jnp.asarray(x, jnp.result_type(x, float))
    value, gradient = jax.value_and_grad(lambda x: potential(f, x, nodes=nodes))(x)
    return Decomposition(value, gradient, f(x) - gradient)


def decomposition_defect(f: Field, x: Float[Array, " n"], *, nodes: int = 32) -> Float[Array, ""]:
    """|xᵀX_S(x)|: 0 but for the error of the quadrature and rounding."""
    x = jnp.asarray(x, jnp.result_type(x, float))
    return jnp.abs(jnp.vdot(x, decompose(f, x, nodes=nodes).tangential))
