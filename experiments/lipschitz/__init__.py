"""Certified Lipschitz constants of networks of gradient layers."""

import os

# The matrices are small: LAPACK's threads would wait for each other. Read when NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
