"""Networks with a proved property by construction, and constants proved of any."""

from . import flows as flows, lipschitz as lipschitz, weights as weights
