"""Parameters of families of fields, drawn anew."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from lbdnn.structured import flows


def random_parameters(field: flows.VectorField, count: int) -> Any:
    """`count` parameters of the field with entries from N(0, 1), along a new first axis."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(field.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: rng.normal(size=(count, *leaf.shape)), shapes)
