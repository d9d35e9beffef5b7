"""The files that name versions agree: project, lock file, citation and changelog."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lbdnn

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
#: A package's name, version, marker and the lines that follow it.
ENTRY = re.compile(
    r"^([a-z0-9-]+)==(\S+)(?: ;[^\\\n]*)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M
)
ENTRIES = ENTRY.findall(LOCK)


def requirements() -> list[str]:
    extras = PROJECT["project"]["optional-dependencies"].values()
    groups = [PROJECT["build-system"]["requires"], PROJECT["project"]["dependencies"], *extras]
    return [requirement for group in groups for requirement in group]


@pytest.mark.parametrize("requirement", requirements())
def test_lock_holds_a_version_that_the_project_allows(requirement):
    wanted = Requirement(requirement)
    locked = [version for name, version, _ in ENTRIES if name == canonicalize_name(wanted.name)]
    assert len(locked) == 1
    assert wanted.specifier.contains(locked[0])


def test_lock_is_nothing_but_versions_with_hashes():
    comments = "".join(line for line in LOCK.splitlines(True) if line.startswith("#"))
    assert "scripts/lock" in comments
    assert ENTRY.sub("", LOCK.removeprefix(comments)).strip() == ""
    assert "://" not in LOCK
    names = [name for name, _, _ in ENTRIES]
    assert len(names) == len(set(names))


def test_citation_and_changelog_are_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == lbdnn.__version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert f"\n## {lbdnn.__version__}" in (ROOT / "CHANGELOG.md").read_text()
