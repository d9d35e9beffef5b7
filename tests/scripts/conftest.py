"""A repository with the real scripts and an environment that only says how it is called."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"

ECHO = """#!/bin/sh
echo "in $PWD"
printf '<%s>\\n' "$@"
"""


@dataclass(frozen=True)
class Repository:
    root: Path

    def call(self, script: str, *arguments: str, **settings) -> subprocess.CompletedProcess[str]:
        """Run a script of the repository; `settings` are those of `subprocess.run`."""
        command = ["sh", str(self.root / "scripts" / script), *arguments]
        options = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 60}
        return subprocess.run(command, stdin=subprocess.DEVNULL, **(options | settings))

    def stamp(self) -> bytes:
        """What the environment is made from."""
        files = (self.root / name for name in ("requirements.lock", "pyproject.toml"))
        return b"".join(file.read_bytes() for file in files) + f"{self.root}\n".encode()

    def add_environment(self) -> None:
        """Add an environment that is ready, whose interpreter prints its folder and arguments."""
        python = self.root / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(ECHO)
        python.chmod(0o755)
        (self.root / ".venv" / "stamp").write_bytes(self.stamp())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    if os.name == "nt" or not shutil.which("sh"):
        pytest.skip("needs a POSIX system: interpreters are replaced by shell scripts")
    root = tmp_path.resolve() / "a clone"
    shutil.copytree(SCRIPTS, root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "requirements.lock").write_text("package==1.0\n")
    (root / "pyproject.toml").write_text("[project]\n")
    experiments = root / "experiments"
    experiments.mkdir()
    for name in ("bound_tightness", "other"):
        (experiments / f"{name}.py").write_text('if __name__ == "__main__":\n    pass\n')
    (experiments / "drawing.py").write_text("def draw() -> None: ...\n")
    (experiments / "package").mkdir()
    (experiments / "package" / "__main__.py").touch()
    return Repository(root)


@pytest.fixture
def path_with(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Returns environment variables whose PATH holds basic tools and the programs given."""

    def make(**programs: str) -> dict[str, str]:
        folder = tmp_path / "programs"
        folder.mkdir()
        for tool in ("sh", "cat", "cmp", "dirname", "grep", "mktemp", "rm"):
            (folder / tool).symlink_to(str(shutil.which(tool)))
        for name, text in programs.items():
            program = folder / name.replace("_", ".")
            program.write_text(f"#!/bin/sh\n{text}\n")
            program.chmod(0o755)
        return {"PATH": str(folder)}

    return make
