"""Search engines shared by the methods: ascent."""

from .attack import Attack as Attack, Witness as Witness
from .forms import form as form
