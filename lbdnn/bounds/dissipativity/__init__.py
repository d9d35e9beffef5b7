"""Bounds from dissipation inequalities: quadratic storage functions and diagonal multipliers."""

from .dissipation import Dissipation as Dissipation
