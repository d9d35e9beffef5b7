"""Enclosures over a regular cover of the input set."""

from .method import Interval as Interval
