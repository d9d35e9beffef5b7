"""Closed loops with networks that learn on line (Lb-DNN)."""

from .closed_loop import Run as Run, simulate as simulate
from .continuous import simulate_continuous as simulate_continuous
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
from .laws import (
    CompositeLaw as CompositeLaw,
    ConcurrentLearning as ConcurrentLearning,
    Langevin as Langevin,
    Law as Law,
    Leakage as Leakage,
    Projected as Projected,
    TrackingLaw as TrackingLaw,
    gains_by_layer as gains_by_layer,
    output_gains as output_gains,
)
from .plants import (
    ARCH_PENDULUM as ARCH_PENDULUM,
    ARM as ARM,
    TORA as TORA,
    AdaptiveCruise as AdaptiveCruise,
    AffinePlant as AffinePlant,
    AffineUserPlant as AffineUserPlant,
    DoublePendulum as DoublePendulum,
    MujocoPlant as MujocoPlant,
    Pendulum as Pendulum,
    Plant as Plant,
    TenState as TenState,
    TwoLink as TwoLink,
    UnderwaterVehicle as UnderwaterVehicle,
    UserPlant as UserPlant,
    VanDerPol as VanDerPol,
    Variable as Variable,
    two_link_mjcf as two_link_mjcf,
)
from .references import (
    Constant as Constant,
    Motion as Motion,
    Reference as Reference,
    Sinusoids as Sinusoids,
)
from .sensing import Actuator as Actuator, Lost as Lost, Sensor as Sensor, noise_of as noise_of
