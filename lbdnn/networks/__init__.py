"""Networks as chains of operations."""

from .chain import Chain as Chain, Theta as Theta
from .fully_connected import FullyConnected as FullyConnected
from .operations import (
    Affine as Affine,
    Operation as Operation,
    Parameters as Parameters,
    Pointwise as Pointwise,
    Repeat as Repeat,
    Residual as Residual,
    Scaling as Scaling,
)
from .reading import (
    Model as Model,
    ModelError as ModelError,
    from_equinox as from_equinox,
    from_layers as from_layers,
    read as read,
    write as write,
)
from .residual import ResidualNetwork as ResidualNetwork
