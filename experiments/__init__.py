"""Experiments: one module a published result or claim; `python -m experiments.NAME` runs it."""
