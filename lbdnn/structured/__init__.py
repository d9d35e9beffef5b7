"""Networks with a proved property by construction."""

from . import weights as weights
