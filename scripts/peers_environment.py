"""Virtual environments in which other programs are compared with this one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

from make_environment import REASONS

ROOT = Path(__file__).resolve().parents[1]


def environment(requirements: str, folder: Path | None = None) -> Path:
    """The interpreter of an environment with the packages of a file beside this one.

    It is made if need be, without further dependencies; `folder` is by default `.venv-` and the
    file's name ("peers.txt": `.venv-peers`) in the repository. Raises ValueError, in one sentence,
    where it cannot be made.
    """
    packages = Path(__file__).with_name(requirements)
    folder = folder or ROOT / f".venv-{packages.stem.replace('_', '-')}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, log = folder / "stamp", folder / "setup.log"
    if stamp.exists() and stamp.read_bytes() == packages.read_bytes():
        return python
    print(f"setting up {folder} from {packages.name}, once: 150 MB or more …", file=sys.stderr)
    try:
        if folder.exists() and not (folder / "pyvenv.cfg").exists() and any(folder.iterdir()):
            raise ValueError(f"{folder} is no virtual environment: move it away")
        shutil.rmtree(folder, ignore_errors=True)
        venv.EnvBuilder(symlinks=os.name != "nt", with_pip=True).create(folder)
        command = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
        command += ["--no-deps", "--only-binary=:all:", "--requirement", packages]
        variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        with log.open("wb") as kept:
            done = subprocess.run(
                command,
                env=variables | {"PIP_USER": "0"},
                stdin=subprocess.DEVNULL,
                stdout=kept,
                stderr=subprocess.STDOUT,
            )
    except subprocess.CalledProcessError as error:
        raise ValueError(f"{folder} cannot be made: venv failed ({error})") from None
    except OSError as error:
        raise ValueError(f"{folder} cannot be made: {error.strerror or error}") from None
    if done.returncode:
        raise ValueError(f"{folder} cannot be made: {_why(log)}; the details are in {log}")
    stamp.write_bytes(packages.read_bytes())
    return python


def run_peer(
    python: Path, name: str, script: str, *arguments: object, limit: float | None = None
) -> str:
    """What a script beside this one prints, run by the interpreter of an environment.

    Raises ValueError where it fails, with its last line and the program's `name`, and
    subprocess.TimeoutExpired after `limit` seconds.
    """
    done = subprocess.run(
        [python, ROOT / "scripts" / script, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=limit,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        | {"PYTHONUTF8": "1"},
    )
    if hasattr(signal, "SIGPROF") and done.returncode == -signal.SIGPROF:
        raise subprocess.TimeoutExpired(script, limit or 0.0)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ValueError(f"{name} failed in {python}: {last}")
    return done.stdout


def _why(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    return next((why for words, why in REASONS if words in text), "pip failed")
