"""A loss that asks for a margin, and labels as it takes them."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Int


def hinge(
    logits: Float[Array, "*m k"], labels: Int[Array, "*m"], *, margin: Float[ArrayLike, ""]
) -> Float[Array, "*m"]:
    r"""max(0, margin − (f_y − max_{j≠y} f_j)): 0 where the label leads by the margin.

    **Raises:** ValueError for labels of another shape than that of the logits without its last
    axis, labels that are no integers, and, where they are known, labels out of range.

    Crammer and Singer (2001), *On the algorithmic implementation of multiclass kernel-based vector
    machines*, JMLR 2.
    """
    logits = jnp.asarray(logits)
    classes = logits.shape[-1] if logits.ndim else 0
    if np.shape(labels) != logits.shape[:-1] or classes < 2:
        raise ValueError(
            f"logits of shape (*m, classes) need labels of shape (*m), and two classes at least; "
            f"got {logits.shape} and {np.shape(labels)}"
        )
    labels = checked_labels(labels, classes)
    own = jax.nn.one_hot(labels, classes, dtype=bool)
    label = jnp.sum(jnp.where(own, logits, 0), -1)
    rival = jnp.max(jnp.where(own, -jnp.inf, logits), -1)
    return jnp.maximum(margin - (label - rival), 0)


def margin_for_radius(radius: float, *, lipschitz: float = 1.0) -> float:
    """√2 · L · radius: the margin that proves the radius for logits with the constant L.

    A difference of two logits has the constant √2 L (Tsuzuku, Sato, Sugiyama 2018, arXiv
    1802.04034).

    **Raises:** ValueError for numbers that are negative or not finite.
    """
    if not (0 <= radius < math.inf and 0 <= lipschitz < math.inf):
        raise ValueError(
            f"a radius and a Lipschitz constant are finite and >= 0; got {radius!r} and "
            f"{lipschitz!r}"
        )
    return math.sqrt(2) * lipschitz * radius


def checked_labels(labels: Int[ArrayLike, "*m"], classes: int) -> Array:
    """The labels; ValueError where they are no integers, or known and not in 0 … classes − 1."""
    dtype = labels.dtype if isinstance(labels, jax.Array) else np.asarray(labels).dtype
    if not jnp.issubdtype(dtype, jnp.integer):
        raise ValueError(f"labels must be integers; got {dtype}")
    if not isinstance(labels, Tracer):
        known = np.asarray(labels)
        if known.size and not 0 <= known.min() <= known.max() < classes:
            raise ValueError(
                f"labels must be from 0 to {classes - 1}, as there are {classes} classes; got "
                f"{known.min()} to {known.max()}"
            )
    return jnp.asarray(labels)
