"""Experiments called as a user calls them."""

import os
import subprocess
import sys

import pytest

from lbdnn.compilation import QUICK


@pytest.fixture
def called():
    """Runs an experiment by name from the command line.

    Compiled quickly, also among the slow tests: what is looked at is what it writes.
    """
    options = " ".join(f"--{name}={str(value).lower()}" for name, value in QUICK.items())
    environment = os.environ | {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {options}"}

    def run(name, *arguments):
        return subprocess.run(
            [sys.executable, "-m", f"experiments.{name}", *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
