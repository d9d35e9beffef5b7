"""Room for compiled programs."""

from __future__ import annotations

import gc
from pathlib import Path

import jax

_MAPS = Path("/proc/self/maps")


def make_room(most: int = 20_000) -> None:
    """Drops all compiled programs where they are many; they are compiled again when needed.

    Each kernel of a program takes three memory maps, a large program thousands; Linux allows a
    process 65 530, and beyond that the compiler crashes.
    """
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > most:
        jax.clear_caches()
        gc.collect()
