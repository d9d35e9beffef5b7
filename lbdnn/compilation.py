"""How programs are compiled, room for them, and numbers computed while one is made."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

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

T = TypeVar("T")

_MAPS = Path("/proc/self/maps")


def make_room(most: int = 20_000) -> None:
    """Drops all compiled programs where they are many; they are compiled again when needed.

    Each kernel of a program takes three memory maps, a large program thousands; Linux allows a
    process 65 530, and beyond that the compiler crashes.
    """
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > most:
        jax.clear_caches()
        gc.collect()


def at_once(compute: Callable[[], T]) -> T:
    """`compute()` in 64 bits, on numbers of its own, also where a program is being traced.

    In a thread of its own: `jax.ensure_compile_time_eval` does not reach functions with a
    derivative of their own inside `jax.vmap` (JAX 0.9).
    """

    def alone() -> T:
        with jax.enable_x64(True):
            return compute()

    with ThreadPoolExecutor(1) as other:
        return other.submit(alone).result()
