"""The folder of files made by others."""

from __future__ import annotations

import os
from pathlib import Path


def outside_data() -> Path:
    """The folder that LBDNN_DATA names, by default `../shared/data`; it may not exist."""
    default = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
    return Path(os.environ.get("LBDNN_DATA", default))
