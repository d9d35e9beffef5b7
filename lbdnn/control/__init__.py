"""Closed loops with networks that learn on line (Lb-DNN)."""

from .closed_loop import Run as Run, simulate as simulate
from .laws import CompositeLaw as CompositeLaw, Law as Law, TrackingLaw as TrackingLaw
from .lb_dnn import ControllerState as ControllerState, LbDNN as LbDNN, Measurement as Measurement
from .plants import Plant as Plant, TwoLink as TwoLink
from .references import Motion as Motion, Reference as Reference
