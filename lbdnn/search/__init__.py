"""Search engines shared by the methods: ascent, and branch and bound."""

from .attack import Attack as Attack, Witness as Witness
from .forms import form as form
