"""Make the virtual environment `.venv` in the repository's folder from `requirements.lock`.

`environment.sh` calls this with the Python that it found, so only the standard library is used.
Standard input holds the stamp: the bytes of everything that the environment depends on. They are
written to `.venv/stamp` last of all, so that an interrupted set-up is seen to be incomplete.
"""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
LOCK = ENVIRONMENT / "lock"
LOG = ENVIRONMENT / "setup.log"
STAMP = ENVIRONMENT / "stamp"
INSTALLED = ENVIRONMENT / "requirements.lock"  # a copy, of the packages that are there
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

#: Words of pip's log, and what they mean to a person.
REASONS = (
    ("No space left on device", "the disk is full"),
    ("DO NOT MATCH THE HASHES", "a download differs from what requirements.lock says"),
    ("connection broken", "no package index could be reached (is there a network?)"),
    ("Max retries exceeded", "no package index could be reached (is there a network?)"),
    ("timed out", "no package index could be reached (is there a network?)"),
    ("No matching distribution", "a package has no build for this Python on this platform"),
)


class SetupError(Exception):
    """The environment cannot be made; the message is one sentence for the person who asked."""


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def failure() -> SetupError:
    """What to say when the program that wrote the log has failed."""
    log = LOG.read_text(errors="replace")
    if shutil.disk_usage(ENVIRONMENT).free < 2**20:
        log = "No space left on device"  # a full disk keeps even these words out of the log
    why = next((why for words, why in REASONS if words in log), "an unexpected error")
    return SetupError(f"Cannot set up {ENVIRONMENT}: {why}; the details are in {LOG}.")


@contextmanager
def alone() -> Iterator[IO[bytes]]:
    """Let one set-up run at a time: the system ends the lock with the processes that hold it."""
    LOCK.touch()
    with LOCK.open("rb+") as lock:
        waiting = False
        while not _acquire(lock):
            if not waiting:
                say("Waiting for another set-up of .venv to finish …")
            waiting = True
            time.sleep(0.2)
        yield lock


def _acquire(lock: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True


def install(lock: IO[bytes], *arguments: str) -> None:
    """Run `pip install`, with everything that it says kept in the log."""
    # A setting for the person's own Python must not reach this one.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    with LOG.open("ab") as log:
        finished = subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env=variables | {"PIP_USER": "0"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # pip, should it outlive this process, keeps the lock.
            pass_fds=() if os.name == "nt" else (lock.fileno(),),
        )
    if finished.returncode:
        raise failure()


def make(stamp: bytes, lock: IO[bytes]) -> None:
    """Bring `.venv` to the state that `stamp` describes, doing no more than is needed."""
    if PYTHON.exists() and holds(STAMP, stamp):
        return  # by another process, while this one waited
    STAMP.unlink(missing_ok=True)
    packages = (ROOT / "requirements.lock").read_bytes()
    if not (PYTHON.exists() and holds(INSTALLED, packages)):
        say("Setting up .venv from requirements.lock, a minute or two and 300 MB of downloads …")
        INSTALLED.unlink(missing_ok=True)
        for old in ENVIRONMENT.iterdir():
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            elif old != LOCK:
                old.unlink()
        create_empty()
        install(
            lock, "--require-hashes", "--no-deps", "--only-binary=:all:", "-r", "requirements.lock"
        )
        write(INSTALLED, packages)
    install(lock, "--no-build-isolation", "--no-deps", "--editable", ".")
    write(STAMP, stamp)


def holds(file: Path, content: bytes) -> bool:
    return file.exists() and file.read_bytes() == content


def write(file: Path, content: bytes) -> None:
    """Write a file in one step: it is never seen half written."""
    unfinished = file.with_suffix(".new")
    unfinished.write_bytes(content)
    unfinished.replace(file)


def create_empty() -> None:
    """Make a virtual environment that holds nothing but pip."""
    builder = venv.EnvBuilder(symlinks=os.name != "nt", with_pip=True, prompt="lbdnn")
    try:
        builder.create(ENVIRONMENT)
    except subprocess.CalledProcessError as error:
        LOG.write_bytes(error.output or b"")
        raise failure() from error


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stamp = sys.stdin.buffer.read()
    try:
        if (ENVIRONMENT / "pyvenv.cfg").exists() and not LOCK.exists():
            raise SetupError(f"{ENVIRONMENT} was made by other means: move it away or delete it.")
        ENVIRONMENT.mkdir(exist_ok=True)
        with alone() as lock:
            make(stamp, lock)
    except SetupError as error:
        say(str(error))
        return 1
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        say(f"Cannot set up {ENVIRONMENT}: {why}; it needs a writable folder and 1.5 GB of disk.")
        return 1
    except KeyboardInterrupt:
        say("Set-up of .venv interrupted: the next call begins it again.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
