"""Search engines shared by the methods: ascent."""

from .attack import Attack as Attack, Witness as Witness, form as form
