"""Loops that are done, on disk."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np

from experiments.tracking.study import Loop, Study
from lbdnn import __version__
from lbdnn.files import write_whole


def fingerprint(loop: Loop) -> str:
    """Equal for loops of the same types, sizes and numbers."""
    with jax.enable_x64(True):
        moving = (loop.reference(jnp.asarray(0.7)), loop.state(jax.random.key(0)))
        parts = (loop.plant, loop.controller, loop.sensor, moving)
        leaves, structure = jax.tree.flatten(parts)
        words = f"{structure} {loop.t1} {loop.solver} {loop.period} {loop.test_range}"
        digest = hashlib.sha256(re.sub(r" at 0x[0-9a-f]+", "", words).encode())
        for leaf in leaves:
            digest.update(np.asarray(leaf, np.float64).tobytes())
    return digest.hexdigest()


def save(folder: Path, name: str, made_with: Mapping[str, Any], found: Study) -> None:
    """NAME.npz, with what it was made with."""
    folder.mkdir(exist_ok=True)
    arrays = {f"metric {k}": v for k, v in found.metrics.items()}
    arrays |= {f"trace {k}": v for k, v in found.traces.items()}
    arrays["diverged"] = np.asarray(found.diverged)
    arrays["made with"] = np.asarray(_mark(made_with))
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_whole(folder / f"{name}.npz", content.getvalue())


def load(folder: Path, name: str, made_with: Mapping[str, Any]) -> Study | None:
    """None where there is none, or one made with something else."""
    try:
        with np.load(folder / f"{name}.npz") as stored:
            if str(stored["made with"]) != _mark(made_with):
                return None
            arrays = dict(stored)
    except (OSError, KeyError, ValueError, BadZipFile):
        return None
    parts: dict[str, dict[str, np.ndarray]] = {"metric": {}, "trace": {}}
    for key, values in arrays.items():
        kind, _, rest = key.partition(" ")
        if kind in parts:
            parts[kind][rest] = values
    return Study(parts["metric"], parts["trace"], int(arrays["diverged"]))


def _mark(made_with: Mapping[str, Any]) -> str:
    return json.dumps({**made_with, "version": __version__}, sort_keys=True)
