"""Plants: pure dynamics with named states and units, and models of MuJoCo."""

from .adaptive_cruise import AdaptiveCruise as AdaptiveCruise
from .mujoco_models import ARM as ARM, two_link_mjcf as two_link_mjcf
from .mujoco_plant import MujocoPlant as MujocoPlant
from .pendulum import (
    ARCH_PENDULUM as ARCH_PENDULUM,
    DoublePendulum as DoublePendulum,
    Pendulum as Pendulum,
)
from .plant import (
    Affine as Affine,
    AffinePlant as AffinePlant,
    Plant as Plant,
    Variable as Variable,
)
from .ten_state import TenState as TenState
from .tora import TORA as TORA
from .two_link import TwoLink as TwoLink
from .underwater_vehicle import UnderwaterVehicle as UnderwaterVehicle
from .user import AffineUserPlant as AffineUserPlant, UserPlant as UserPlant
from .van_der_pol import VanDerPol as VanDerPol
