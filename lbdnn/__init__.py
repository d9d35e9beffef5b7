"""Certified bounds on neural networks and on the adaptive controllers built from them."""

__version__ = "0.1.0"
