"""Underscores are subscripts, not emphasis: docstrings are full of formulas such as ‖E_j‖_F."""

from __future__ import annotations

from typing import Any

from markdown import Extension, Markdown


class PlainUnderscores(Extension):
    """Emphasis is written with asterisks only."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.delimiters.remove("_")  # pyright: ignore[reportAttributeAccessIssue]


def on_config(config: Any) -> None:
    config.markdown_extensions.append(PlainUnderscores())
