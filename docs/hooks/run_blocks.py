"""Runs the code blocks of one page: `python run_blocks.py FOLDER`, see `executed_blocks.py`.

Reads FOLDER/blocks.json, writes FOLDER/outputs.json and FOLDER/figures/.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Page:
    """The names that blocks share, and the figures they show."""

    def __init__(self, folder: Path) -> None:
        self.figures = folder / "figures"
        self.figures.mkdir(exist_ok=True)
        self.names: dict[str, Any] = {"__name__": "__main__", "show": self.show}

    def show(self, figure: Figure | str, name: str, text: str) -> None:
        """Puts a figure, or a picture's file, into the page; `text` is for who cannot see it."""
        import matplotlib as mpl

        if isinstance(figure, str):
            file = name + Path(figure).suffix
            shutil.copyfile(figure, self.figures / file)
        else:
            file = f"{name}.svg"
            # No date, and names of parts that do not change: equal figures are equal files.
            with mpl.rc_context({"svg.hashsalt": "lbdnn"}):
                figure.savefig(self.figures / file, metadata={"Date": None})
        print(f"![{text}](figures/{file})")

    def run(self, block: dict[str, Any]) -> str:
        if block["language"] == "console":
            return _printed_by(block["code"])
        printed = io.StringIO()
        # Blank lines in front make the numbers in a traceback those of the page.
        code = compile("\n" * block["line"] + block["code"], "page.md", "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, self.names)
        return printed.getvalue()


def _printed_by(command: str) -> str:
    """What a command `$ …`, which may go over several lines, printed."""
    words = shlex.split(command.removeprefix("$ ").replace("\\\n", " "))
    if words[0] == "python":
        words[0] = sys.executable
    run = subprocess.run(words, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if run.returncode:
        raise SystemExit(f"{command}: exit status {run.returncode}")
    return run.stdout


def main() -> None:
    folder = Path(sys.argv[1])
    page = Page(folder)
    blocks = json.loads((folder / "blocks.json").read_text(encoding="utf-8"))
    outputs = [page.run(block) for block in blocks]
    (folder / "outputs.json").write_text(json.dumps(outputs), encoding="utf-8")


main()
