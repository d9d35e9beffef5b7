"""Networks as chains of operations."""

from .chain import Chain as Chain, Theta as Theta
from .fully_connected import FullyConnected as FullyConnected
from .operations import (
    Affine as Affine,
    Operation as Operation,
    Parameters as Parameters,
    Pointwise as Pointwise,
    Repeat as Repeat,
    Scaling as Scaling,
)
