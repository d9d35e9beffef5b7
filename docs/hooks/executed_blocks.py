"""Code blocks that run when the site is built, so that what the pages show is what the code gives.

- ```` ```python run ```` shows the code and, below it, what it printed.
- ```` ```python markdown ```` runs unseen; what it prints becomes part of the page.
- ```` ```console run ```` shows a command (`$ …`) and, below it, what it printed.

The blocks of a page run in order, in one process (`run_blocks.py`) and in one empty folder. Results
are kept in `.cache/docs` and made again when the blocks or any module of the project has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

_ROOT = Path(__file__).resolve().parents[2]
_CACHE = _ROOT / ".cache" / "docs"
_RUNNER = Path(__file__).with_name("run_blocks.py")
_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>python|console) (?P<kind>run|markdown)\n(?P<code>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)


def on_files(files: Any, config: Any) -> Any:
    """Runs the blocks of all pages, a page on each processor; the pages then find them done."""
    pages = [(file.src_uri, file.content_string) for file in files.documentation_pages()]
    work = [(_name(uri), blocks) for uri, text in pages if (blocks := _blocks(text))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(_executed, *page) for page in work]:
            done.result()
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replaces the blocks of a page by code and output; adds the figures they made to the site."""
    blocks = _blocks(markdown)
    if not blocks:
        return markdown
    name = _name(page.file.src_uri)
    folder = _executed(name, blocks)
    for figure in sorted((folder / "figures").glob("*")):
        uri = f"figures/{name}-{figure.name}"
        if uri not in files.src_uris:
            files.append(File.generated(config, uri, content=figure.read_bytes()))
    outputs = json.loads((folder / "outputs.json").read_text(encoding="utf-8"))

    def shown(match: re.Match[str]) -> str:
        block, output = next(pairs)
        return textwrap.indent(_shown(block, output), match["indent"])

    pairs = iter(zip(blocks, outputs, strict=True))
    up = "../" * page.file.src_uri.count("/")
    return _BLOCK.sub(shown, markdown).replace("(figures/", f"({up}figures/{name}-")


def _name(uri: str) -> str:
    return Path(uri).with_suffix("").as_posix().replace("/", "-")


def _blocks(markdown: str) -> list[dict[str, Any]]:
    return [
        {
            "language": m["language"],
            "kind": m["kind"],
            "code": textwrap.dedent(m["code"]),
            "line": markdown[: m.start()].count("\n") + 1,
        }
        for m in _BLOCK.finditer(markdown)
    ]


def _shown(block: dict[str, Any], output: str) -> str:
    if block["kind"] == "markdown":
        return output
    source = f"```{block['language']}\n{block['code'].rstrip()}\n```\n"
    return source + (f"\n``` {{ .text .output }}\n{output.rstrip()}\n```\n" if output else "")


def _executed(name: str, blocks: list[dict[str, Any]]) -> Path:
    """The folder with `outputs.json` and `figures/` of these blocks."""
    folder, key = _CACHE / name, _key(blocks)
    stamp = folder / "key"
    if stamp.is_file() and stamp.read_text() == key:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "work").mkdir(parents=True)
    (_CACHE.parent / ".gitignore").write_text("*\n")
    (folder / "blocks.json").write_text(json.dumps(blocks), encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": str(_ROOT),
        "PYTHONIOENCODING": "utf-8",
        # Compiling takes most of the time, and what is compiled here runs only briefly.
        "JAX_COMPILATION_CACHE_DIR": str(_CACHE.parent / "jax"),
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        "MPLBACKEND": "agg",
        "COLUMNS": "100",
    }
    run = subprocess.run(
        [sys.executable, str(_RUNNER), str(folder)],
        cwd=folder / "work",
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    if run.returncode:
        raise PluginError(f"a code block of {name}.md failed:\n{run.stderr[-4000:]}")
    shutil.rmtree(folder / "work")
    stamp.write_text(key)
    return folder


def _key(blocks: list[dict[str, Any]]) -> str:
    digest = hashlib.sha256(json.dumps(blocks).encode())
    versions = [version(package) for package in ("jax", "jaxlib", "numpy", "matplotlib")]
    digest.update(repr([platform.python_version(), *versions]).encode())
    for folder in ("lbdnn", "experiments", "docs/hooks"):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
