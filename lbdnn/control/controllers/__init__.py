"""Controllers: `init`, `step`, and what to do without feedback."""

from .controller import Controller as Controller, advance as advance
from .lb_dnn import LbDNN as LbDNN, LbDNNState as LbDNNState
from .start import check as check
