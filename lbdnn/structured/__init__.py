"""Networks with a proved property by construction, and constants proved of any."""

from . import classifiers as classifiers, flows as flows, lipschitz as lipschitz, weights as weights
