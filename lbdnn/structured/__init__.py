"""Networks with a proved property by construction, and constants proved of any."""

from . import lipschitz as lipschitz, weights as weights
