"""Figures: one function for each kind of result; no computation."""

from .style import METHOD_COLOURS as METHOD_COLOURS, styled as styled
