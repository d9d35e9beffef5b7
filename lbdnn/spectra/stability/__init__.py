"""Proved statements about the dynamics x ↦ Φ(x): global stability, regions of attraction."""

from .attraction import (
    RegionOfAttraction as RegionOfAttraction,
    region_of_attraction as region_of_attraction,
)
from .conditions import Condition as Condition
from .verdict import StabilityVerdict as StabilityVerdict, stability as stability
