"""Elementary functions of intervals, with proved errors; no function of XLA's own is used."""

from .error_function import erf as erf, erfc as erfc
from .exponentials import (
    cosh as cosh,
    exp as exp,
    expm1 as expm1,
    log as log,
    log1p as log1p,
    logistic as logistic,
    tanh as tanh,
)
from .trigonometric import arctan as arctan, cos as cos, sin as sin
