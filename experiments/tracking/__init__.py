"""Lb-DNN control of the two-link manipulator, beside what was published."""
