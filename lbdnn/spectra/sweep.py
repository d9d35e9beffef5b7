"""Eigenvalues of A*(x) for many models of one structure at many points."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Complex, Float

from ..networks import Chain, Theta
from .affine_maps import FORMS, Form, linearized_columns
from .orbits import check_iterable
from .spectrum import eigenvalues, planar_pair

# Points a piece: what one keeps between two layers stays in a core's cache.
_PIECE = 4096


def sweep(
    net: Chain, thetas: Theta, points: Float[ArrayLike, "b n"], *, form: Form = "shifted"
) -> Complex[Array, "models b n"]:
    """The eigenvalues of A*(x) (`linearize`) of every model at every point.

    In pieces of some thousand points, so that memory is needed for the result alone: 8 bytes
    (float32) an eigenvalue. Closed forms for n ≤ 2, LAPACK for larger n. Compiled for each
    structure; call it inside a compiled program to sweep several structures at once.

    **Arguments:**

    - `thetas`: parameters with a leading axis, one entry a model: `jax.tree.map(jnp.stack, …)`.
    - `points`: (b, n), the same for all models.

    **Raises:** ValueError for parameters that are not stacked, and if the network does not map its
    inputs to as many outputs.
    """
    check_iterable(net)
    points = jnp.asarray(points)
    if points.ndim != 2 or points.shape[1] != net.inputs:
        raise ValueError(
            f"a sweep takes points of shape (b, {net.inputs}); got an array of shape {points.shape}"
        )
    if form not in FORMS:
        raise ValueError(f'form is "shifted" or "paper"; got {form!r}')
    leaves = jax.tree.leaves(thetas)
    if len({np.shape(leaf)[:1] for leaf in leaves}) != 1 or np.ndim(leaves[0]) < 3:
        raise ValueError(
            "a sweep takes parameters with a leading axis, one entry a model: stack those of the "
            "models with jax.tree.map(lambda *leaves: jnp.stack(leaves), …)"
        )
    return _sweep(net, thetas, points.astype(jnp.result_type(float, points)), form)


@partial(jax.jit, static_argnames=("net", "form"))
def _sweep(net: Chain, thetas: Theta, points: Array, form: Form) -> Array:
    count, n = points.shape
    pieces = max(1, -(-count // _PIECE))
    piece = -(-count // pieces)
    padded = jnp.pad(
        points, ((0, pieces * piece - count), (0, 0)), mode="edge" if count else "constant"
    )
    columns = jnp.moveaxis(padded.reshape(pieces, piece, n), 1, 2)

    def at(theta: Theta, own: Float[Array, "n piece"]) -> Complex[Array, "piece n"]:
        matrices = linearized_columns(net, theta, own, form).matrix
        if n == 2:
            return jnp.stack(planar_pair(matrices), -1)
        return eigenvalues(jnp.moveaxis(matrices, -1, 0))

    def of_model(theta: Theta) -> Array:
        return jax.lax.map(partial(at, theta), columns).reshape(-1, n)[:count]

    return jax.lax.map(of_model, thetas)
