"""One of each kind, and parameters for them."""

import jax
import numpy as np

from lbdnn.structured import flows
from lbdnn.structured.flows import Flow, Layer
from lbdnn.structured.weights import SVD, NormBounded, Orthogonal

GRADIENTS = (
    Layer(flows.GradientFlow(Orthogonal(2, 2)), step=4 / 3),
    Layer(flows.GradientFlow(NormBounded(4, 2, bound=2.0), "relu"), step=0.5),
    Layer(flows.GradientFlow(SVD(3, 2, least=0.5, greatest=2, factors="cayley"), "tanh"), step=0.4),
)
VOLUME = (
    Layer(flows.VolumePreserving(2), step=0.7),
    Layer(flows.VolumePreserving(3), step=0.4, integrator="strang"),
)
MASS = (Layer(flows.MassPreserving(2), step=1.0), Layer(flows.MassPreserving(3), step=-0.3))
SYMPLECTIC = (
    Layer(flows.Hamiltonian(2, 1), step=0.5),
    Layer(flows.Hamiltonian(4, 3), step=0.5, integrator="lie"),
)
SPHERES = (Layer(flows.SpherePreserving(2), step=1.0), Layer(flows.SpherePreserving(4), step=0.5))
ISOMETRIC = (Layer(flows.Isometric(1), step=1.0), Layer(flows.Isometric(3), step=0.5))
OTHERS = (
    Layer(flows.Expansive(Orthogonal(2, 2)), step=0.5),
    Layer(flows.Residual(2, 3), step=0.5),
)
ALL = (*GRADIENTS, *VOLUME, *MASS, *SYMPLECTIC, *SPHERES, *ISOMETRIC, *OTHERS)


def label(layer):
    return f"{type(layer.field).__name__}-{layer.n}-{layer.integrator}"


def twice(layer):
    return Flow((layer, layer))


def parameters(owner, seed, scales=(1.0,)):
    """N(0, scale²), one entry a scale along the first axis, in float64."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(owner.init, jax.random.key(0))
    return jax.tree.map(
        lambda x: np.stack([scale * rng.normal(size=x.shape) for scale in scales]), shapes
    )
