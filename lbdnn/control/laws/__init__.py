"""Adaptation laws: how the parameters of the network move."""

from .composite import CompositeLaw as CompositeLaw
from .concurrent import ConcurrentLearning as ConcurrentLearning
from .langevin import Langevin as Langevin
from .law import Law as Law, Signals as Signals, traced as traced
from .layers import gains_by_layer as gains_by_layer, output_gains as output_gains
from .leakage import Leakage as Leakage
from .projection import Projected as Projected
from .tracking import TrackingLaw as TrackingLaw
