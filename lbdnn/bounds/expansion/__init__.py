"""Suprema over inputs by expansions of second order and branch and bound."""

from .supremum import Supremum as Supremum, sup_over_inputs as sup_over_inputs
