"""`scripts/run` and `scripts/test`: what they start, and where."""

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("arguments", "started"),
    [
        ((), ["-P", "-m", "experiments.bound_tightness"]),
        (("--quick", "a b"), ["-P", "-m", "experiments.bound_tightness", "--quick", "a b"]),
        (("other", "--seed", "1"), ["-P", "-m", "experiments.other", "--seed", "1"]),
        (("package",), ["-P", "-m", "experiments.package"]),
    ],
)
def test_experiment_gets_its_arguments_in_the_callers_folder(
    repository, tmp_path: Path, arguments, started
):
    repository.add_environment()
    done = repository.call("run", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"in {tmp_path.resolve()}", *(f"<{a}>" for a in started)]


@pytest.mark.parametrize("name", ["nothing", "drawing", "../scripts/run", "a b"])
def test_unknown_experiment_is_one_sentence_naming_those_that_exist(repository, name):
    done = repository.call("run", name)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"There is no experiment '{name}'; the experiments are: bound_tightness, other, package.\n"
    )
    assert not (repository.root / ".venv").exists()


def test_tests_run_in_the_repository_without_slow_ones_unless_asked(repository, tmp_path: Path):
    repository.add_environment()
    fast = repository.call("test", "-k", "name", cwd=tmp_path).stdout.splitlines()
    everything = repository.call("test", "--all", "-k", "name", cwd=tmp_path).stdout.splitlines()
    assert fast[0] == everything[0] == f"in {repository.root}"
    assert fast[-4:] == ["<-m>", "<not slow>", "<-k>", "<name>"]
    assert everything[-2:] == ["<-k>", "<name>"]
    assert "<not slow>" not in everything


def test_status_of_the_program_is_the_status_of_the_script(repository):
    repository.add_environment()
    python = repository.root / ".venv" / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 7\n")
    assert [repository.call(script).returncode for script in ("run", "test", "python")] == [7] * 3
