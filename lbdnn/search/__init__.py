"""Search engines shared by the methods: ascent, and branch and bound."""

from .adversarial import (
    Adversaries as Adversaries,
    ProjectedGradient as ProjectedGradient,
)
from .attack import Attack as Attack, Witness as Witness
from .forms import form as form
