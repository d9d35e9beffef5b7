"""`scripts/make_environment.py`: what it does when, and its one sentence when it cannot."""

import importlib.util
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

FILE = Path(__file__).parents[2] / "scripts" / "make_environment.py"
STAMP = b"package==1.0\n[project]\n/the/folder\n"


class Setup(SimpleNamespace):
    """The module, set to a folder of its own, with what it does to an environment noted."""

    def __call__(self, stamp: bytes = STAMP) -> list[str]:
        self.actions.clear()
        with self.module.alone() as lock:
            self.module.make(stamp, lock)
        return list(self.actions)


@pytest.fixture
def setup(tmp_path: Path, monkeypatch) -> Setup:
    specification = importlib.util.spec_from_file_location("make_environment", FILE)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    environment = tmp_path / ".venv"
    environment.mkdir()
    (tmp_path / "requirements.lock").write_bytes(b"package==1.0\n")
    places = {"ROOT": tmp_path, "ENVIRONMENT": environment, "PYTHON": environment / "python"}
    places |= {name.upper(): environment / name for name in ("lock", "stamp")}
    places |= {"LOG": environment / "setup.log", "INSTALLED": environment / "requirements.lock"}
    for name, place in places.items():
        monkeypatch.setattr(module, name, place)
    actions: list[str] = []

    def create_empty() -> None:
        actions.append("create")
        module.PYTHON.touch()

    def install(lock, *arguments: str) -> None:
        actions.append("project" if "--editable" in arguments else "packages")

    monkeypatch.setattr(module, "create_empty", create_empty)
    monkeypatch.setattr(module, "install", install)
    return Setup(module=module, actions=actions, environment=environment)


def test_does_no_more_than_the_change_asks_for(setup):
    everything = ["create", "packages", "project"]
    assert setup() == everything
    assert setup() == []
    assert setup(b"package==1.0\n[project]\n/moved/folder\n") == ["project"]
    (setup.environment.parent / "requirements.lock").write_bytes(b"package")
    assert setup(STAMP) == everything
    setup.module.PYTHON.unlink()
    assert setup(STAMP) == everything


@pytest.mark.parametrize("step", ["packages", "project"])
def test_interrupted_set_up_is_finished_by_the_next(setup, monkeypatch, step):
    install = setup.module.install

    def interrupted(lock, *arguments: str) -> None:
        install(lock, *arguments)
        if setup.actions[-1] == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(setup.module, "install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        setup()
    (setup.environment / "half made").touch()
    monkeypatch.setattr(setup.module, "install", install)
    assert setup()[-1] == "project"
    assert (setup.environment / "half made").exists() == (step == "project")
    assert setup() == []


def test_interrupted_set_up_is_not_taken_for_the_one_before(setup, monkeypatch):
    setup()
    lock_file = setup.environment.parent / "requirements.lock"
    lock_file.write_bytes(b"package==2.0\n")
    create_empty = setup.module.create_empty
    monkeypatch.setattr(setup.module, "create_empty", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        setup(STAMP.replace(b"1.0", b"2.0"))
    setup.module.PYTHON.touch()
    monkeypatch.setattr(setup.module, "create_empty", create_empty)
    lock_file.write_bytes(b"package==1.0\n")
    assert setup() == ["create", "packages", "project"]


def test_only_one_at_a_time(setup):
    with setup.module.alone(), setup.module.LOCK.open("rb+") as lock:
        assert not setup.module._acquire(lock)
    with setup.module.LOCK.open("rb+") as lock:
        assert setup.module._acquire(lock)


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "a download differs"),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('\n"
            "ERROR: No matching distribution found for package==1.0",
            "no package index could be reached",
        ),
        ("ERROR: No matching distribution found for package==1.0", "no build for this Python"),
        ("something else", "an unexpected error"),
    ],
)
def test_failure_says_why_and_where_the_details_are(setup, log, why):
    setup.module.LOG.write_text(log)
    sentence = str(setup.module.failure())
    assert why in sentence
    assert str(setup.module.LOG) in sentence
    assert "\n" not in sentence


def test_folder_that_cannot_be_written_is_one_sentence(setup, monkeypatch, capsys):
    unwritable = setup.environment / "file" / ".venv"
    unwritable.parent.touch()
    monkeypatch.setattr(setup.module, "ENVIRONMENT", unwritable)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(STAMP)))
    monkeypatch.setattr(setup.module.signal, "signal", lambda *_: None)
    assert setup.module.main() == 1
    said = capsys.readouterr().err
    assert said.startswith(f"Cannot set up {unwritable}: ")
    assert said.count("\n") == 1
