"""Scalar activations with exact constants and exact enclosures."""

from .activation import Activation as Activation
from .library import get as get, names as names
