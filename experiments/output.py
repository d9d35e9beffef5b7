"""Where an experiment's results go: tables, figures, and what made them."""

from __future__ import annotations

import csv
import io
import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax

from lbdnn.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = Mapping[str, Any]


class Output:
    """A folder of results.

    Raises ValueError, in one sentence, where nothing can be written; it is tried at once, before
    anything is computed.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = dict(settings)
        self._began = time.perf_counter()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / ".writable", "")
            (folder / ".writable").unlink()
        except OSError as error:
            raise ValueError(
                f"results cannot be written to {folder} ({error.strerror}); pass --output DIR"
            ) from None

    def table(self, name: str, rows: Sequence[Row]) -> None:
        """NAME.csv, and NAME.json with the versions and settings that made it."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.folder / f"{name}.csv", text.getvalue())
        self.document(name, {"rows": list(rows)})

    def parquet(self, name: str, rows: Sequence[Row]) -> None:
        """NAME.parquet; left out, with a word, where pyarrow is missing."""
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            print(
                f"{name}.parquet is left out: it needs pyarrow (pip install 'lbdnn[parquet]')",
                file=sys.stderr,
            )
            return
        content = io.BytesIO()
        parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows]), content)
        write_whole(self.folder / f"{name}.parquet", content.getvalue())

    def document(self, name: str, content: Mapping[str, Any]) -> None:
        """NAME.json, with the versions and settings that made it."""
        made = {
            "made_by": {
                "versions": {
                    package: version(package) for package in ("lbdnn", "jax", "jaxlib", "numpy")
                }
                | {"python": platform.python_version()},
                "device": jax.devices()[0].device_kind,
                "settings": self.settings,
                "seconds": round(time.perf_counter() - self._began, 1),
            },
            **content,
        }
        write_whole(self.folder / f"{name}.json", json.dumps(made, indent=1, default=str))

    def figure(self, name: str, figure: Figure) -> None:
        """NAME.pdf and NAME.png."""
        from matplotlib import pyplot

        for kind in ("pdf", "png"):
            content = io.BytesIO()
            # No date: the same results give the same file.
            stamp = {"CreationDate": None} if kind == "pdf" else {}
            figure.savefig(content, format=kind, metadata=stamp)
            write_whole(self.folder / f"{name}.{kind}", content.getvalue())
        pyplot.close(figure)
