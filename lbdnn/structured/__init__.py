"""Networks with a proved property by construction."""

from . import flows as flows, weights as weights
