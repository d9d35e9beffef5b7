"""Plants: pure dynamics with named states and units."""

from .plant import AffinePlant as AffinePlant, Plant as Plant, Variable as Variable
from .two_link import TwoLink as TwoLink
