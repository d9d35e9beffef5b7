"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of files made by others; tests that need it are skipped where it is absent."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("LBDNN_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no folder of outside data at {folder}; set LBDNN_DATA")
    return folder
