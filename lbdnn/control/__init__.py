"""Closed loops with networks that learn on line (Lb-DNN)."""

from .closed_loop import Run as Run, simulate as simulate
from .controllers import (
    PD as PD,
    PID as PID,
    Controller as Controller,
    DisturbanceRejection as DisturbanceRejection,
    LbDNN as LbDNN,
    NetworkFeedback as NetworkFeedback,
    NonlinearMPC as NonlinearMPC,
    Plan as Plan,
    advance as advance,
)
from .laws import CompositeLaw as CompositeLaw, Law as Law, TrackingLaw as TrackingLaw
from .plants import (
    AffinePlant as AffinePlant,
    Plant as Plant,
    TwoLink as TwoLink,
    Variable as Variable,
)
from .references import (
    Constant as Constant,
    Motion as Motion,
    Reference as Reference,
    Sinusoids as Sinusoids,
)
from .sensing import Actuator as Actuator, Lost as Lost, Sensor as Sensor, noise_of as noise_of
