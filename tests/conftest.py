"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest

from lbdnn.compilation import QUICK, make_room

# Compiling takes most of the time, and what is compiled here runs only briefly. Flags that are set
# already come last, so that they prevail; tests of roundings ask for a user's own options.
_OPTIONS = " ".join(f"--{name}={str(value).lower()}" for name, value in QUICK.items())
os.environ["XLA_FLAGS"] = f"{_OPTIONS} {os.environ.get('XLA_FLAGS', '')}".strip()

_MANY = 15_000


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of files made by others; tests that need it are skipped where it is absent."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("LBDNN_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no folder of outside data at {folder}; set LBDNN_DATA")
    return folder


@pytest.fixture(autouse=True, scope="module")
def _forget_after_modules():
    yield
    make_room(_MANY)


@pytest.fixture(autouse=True)
def _forget_after_slow_tests(request):
    yield
    if request.node.get_closest_marker("slow"):
        make_room(_MANY)
