"""Adaptation laws: how the parameters of the network move."""

from .composite import CompositeLaw as CompositeLaw
from .law import Law as Law, Signals as Signals
from .tracking import TrackingLaw as TrackingLaw
