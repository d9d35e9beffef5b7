"""One of each kind, for laws that all obey, and parameters for them."""

import jax
import numpy as np

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

#: Those whose property holds for all parameters.
PROVED = (
    Unstructured(3, 4),
    PerronFrobenius(4, 4, least=0.8, greatest=1.2),
    PerronFrobenius(2, 3, least=-2.0, greatest=-1.0),
    SkewSymmetric(4, damping=0.3),
    Hamiltonian(4),
    Hamiltonian(4, symmetric=True),
    Gershgorin(1, least=-0.5, greatest=1.5),
    Gershgorin(2, least=-0.5, greatest=1.5, eigenvalues="complex"),
    Gershgorin(4, least=-0.5, greatest=1.5),
    Gershgorin(4, least=-0.5, greatest=1.5, eigenvalues="complex", discs="inner"),
    Orthogonal(2, 4, method="householder"),
    SVD(3, 2, least=0.5, greatest=2.0, factors="cayley"),
    SchurStable(3, radius=0.95),
    NormBounded(2, 4, bound=2.0),
)
PENALIZED = SVD(2, 3, least=-1.5, greatest=-1.1)
ALL = (*PROVED, PENALIZED)


def parameters(family, seed, scale=1.0, batch=()):
    """Parameters N(0, scale²), whatever `init` would draw, in float64."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(family.init, jax.random.key(0))
    return jax.tree.map(lambda x: scale * rng.normal(size=(*batch, *x.shape)), shapes)
