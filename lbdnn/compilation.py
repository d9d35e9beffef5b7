"""How programs are compiled, and room for them."""

from __future__ import annotations

import gc
from pathlib import Path

import jax
from jaxlib.version import __version_info__

# XLA's older emitter of loops: programs run as fast, and compiling them takes half the time. An
# option that jaxlib does not know is an error, so it is passed where it is known to exist.
_EMITTERS = {"xla_cpu_use_fusion_emitters": False} if __version_info__ < (0, 11) else {}

# For what runs long enough to be worth optimising; for what runs for milliseconds, where compiling
# is what takes time; and between the two. JAX accepts such options for outermost programs alone.
OPTIMIZED = {**_EMITTERS}
MODERATE = {**_EMITTERS, "xla_backend_optimization_level": 1}
QUICK = {**_EMITTERS, "xla_backend_optimization_level": 0}

_MAPS = Path("/proc/self/maps")


def make_room(most: int = 20_000) -> None:
    """Drops all compiled programs where they are many; they are compiled again when needed.

    Each kernel of a program takes three memory maps, a large program thousands; Linux allows a
    process 65 530, and beyond that the compiler crashes.
    """
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > most:
        jax.clear_caches()
        gc.collect()
