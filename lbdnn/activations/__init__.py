"""Scalar activations with exact constants and exact enclosures."""

from .activation import Activation as Activation
from .checking import check as check
from .library import get as get, names as names
