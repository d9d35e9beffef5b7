"""States of training on disk."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import jax
import numpy as np

from ...files import write_whole


def mark(made_with: Any) -> str:
    """The SHA-256 of what a training was started with: words and arrays."""
    digest = hashlib.sha256(f"{jax.__version__} {jax.devices()[0].device_kind}".encode())
    for leaf in jax.tree.leaves(made_with):
        if isinstance(leaf, str):
            digest.update(leaf.encode())
        else:
            array = np.asarray(leaf)
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def save(path: str | os.PathLike[str], mark: str, done: int, state: Any) -> None:
    """Writes the epochs done and the arrays of the state; the file appears whole or not at all."""
    arrays = {f"leaf {i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    content = io.BytesIO()
    arrays |= {"mark": np.asarray(mark), "done": np.asarray(done)}
    np.savez(content, allow_pickle=False, **arrays)
    write_whole(path, content.getvalue())


def load(path: str | os.PathLike[str], mark: str, like: Any) -> tuple[int, Any] | None:
    """The epochs done and the state, of the structure of `like`; None where there is no file.

    **Raises:** ValueError for a file that is none, and one of another training.
    """
    if not Path(path).exists():
        return None
    leaves, structure = jax.tree.flatten(like)
    try:
        with np.load(path) as stored:
            own = str(stored["mark"]) == mark
            found = [stored[f"leaf {i}"] for i in range(len(leaves))] if own else []
            done = int(stored["done"])
    except (OSError, KeyError, BadZipFile, EOFError, TypeError, ValueError):
        raise ValueError(
            f"{path} is no checkpoint of this version: remove it, or pass another file"
        ) from None
    if not own:
        raise ValueError(
            f"{path} was kept by a training of another classifier, other data or other numbers: "
            "remove it, or pass another file"
        )
    return done, structure.unflatten(found)
