"""Certified bounds on neural networks and on the adaptive controllers built from them."""

from . import (
    activations as activations,
    control as control,
    derivatives as derivatives,
    intervals as intervals,
    spectra as spectra,
    structured as structured,
)
from .activations import Activation as Activation
from .bounds import (
    Dissipation as Dissipation,
    Layerwise as Layerwise,
    Polynomial as Polynomial,
    Refined as Refined,
    certify as certify,
    polynomials as polynomials,
)
from .bounds.evaluation_error import evaluation_error as evaluation_error
from .bounds.parts import (
    BlockBounds as BlockBounds,
    bounds_by_block as bounds_by_block,
    bounds_by_output as bounds_by_output,
)
from .bounds.radii import (
    BoundsByRadius as BoundsByRadius,
    LargestRadius as LargestRadius,
    bounds_by_radius as bounds_by_radius,
    largest_radius as largest_radius,
)
from .certificate import (
    Bound as Bound,
    Certificate as Certificate,
    load_certificate as load_certificate,
)
from .checking import Verdict as Verdict, check as check
from .networks import (
    Chain as Chain,
    FullyConnected as FullyConnected,
    Model as Model,
    ModelError as ModelError,
    ResidualNetwork as ResidualNetwork,
    from_equinox as from_equinox,
    from_layers as from_layers,
    read as read,
    write as write,
)
from .search import Attack as Attack
from .sets import Ball as Ball, Box as Box, LayerBalls as LayerBalls

__version__ = "0.1.0"
