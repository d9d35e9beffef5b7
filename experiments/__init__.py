"""Experiments: one module for each published result or claim, run as `python -m experiments.NAME`."""
