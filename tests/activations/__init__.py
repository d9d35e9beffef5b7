"""Tests of lbdnn.activations."""
