"""`scripts/environment.sh`: which Python it takes, and what it says when there is none."""

import shlex
import sys

import pytest

#: The name and last word of stand-ins for an interpreter.
FAILS = "exit 127"
TOO_OLD = "exit 3"
NO_VENV = "exit 4"


@pytest.mark.parametrize("script", ["run", "test", "python", "check", "lock"])
def test_without_a_recent_python_one_sentence_and_nothing_is_made(repository, path_with, script):
    programs = path_with(python3_12=FAILS, python3=TOO_OLD)
    done = repository.call(script, env=programs)
    assert done.returncode == 1
    assert done.stderr.startswith("No Python 3.11 or newer")
    assert done.stderr.count("\n") == 1
    assert not (repository.root / ".venv").exists()


def test_python_without_venv_is_named(repository, path_with):
    done = repository.call("run", env=path_with(python3_12=FAILS, python3_11=NO_VENV))
    assert done.returncode == 1
    assert done.stderr.startswith("python3.11 lacks the venv or ensurepip module")
    assert done.stderr.count("\n") == 1


def test_chosen_python_must_be_recent(repository, path_with):
    variables = path_with() | {"LBDNN_PYTHON": "/no such/python"}
    done = repository.call("run", env=variables)
    assert done.returncode == 1
    assert done.stderr.startswith("LBDNN_PYTHON=/no such/python is not")
    assert done.stderr.count("\n") == 1


def test_first_python_that_runs_makes_the_environment(repository, path_with):
    real = f'exec {shlex.quote(sys.executable)} "$@"'
    environment = repository.root / ".venv"
    environment.mkdir()
    (environment / "pyvenv.cfg").touch()  # stops it where it would begin to work
    done = repository.call("run", env=path_with(python3_13=FAILS, python3_11=TOO_OLD, python3=real))
    assert done.returncode == 1
    assert done.stderr == f"{environment} was made by other means: move it away or delete it.\n"
    assert [file.name for file in environment.iterdir()] == ["pyvenv.cfg"]


@pytest.mark.parametrize("file", ["requirements.lock", "pyproject.toml", ".venv/stamp"])
def test_environment_of_other_versions_is_not_used(repository, path_with, file):
    repository.add_environment()
    programs = path_with()
    assert repository.call("python", env=programs).returncode == 0
    (repository.root / file).write_text("changed\n")
    done = repository.call("python", env=programs)
    assert done.returncode == 1
    assert done.stderr.startswith("No Python")


def test_environment_of_another_folder_is_not_used(repository, path_with):
    repository.add_environment()
    moved = type(repository)(repository.root.rename(repository.root.with_name("moved")))
    assert moved.call("python", env=path_with()).returncode == 1
