"""Controllers: `init`, `step`, and what to do without feedback."""

from .controller import Controller as Controller, advance as advance
from .disturbance_rejection import DisturbanceRejection as DisturbanceRejection
from .lb_dnn import LbDNN as LbDNN, LbDNNState as LbDNNState
from .network_feedback import NetworkFeedback as NetworkFeedback
from .pd import PD as PD
from .pid import PID as PID
from .predictive import NonlinearMPC as NonlinearMPC, Plan as Plan
from .start import check as check
