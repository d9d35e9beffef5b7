"""Formulas become MathML when the site is built: browsers draw it without scripts or a network."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

# What pymdownx.arithmatex writes for $…$ and for $$…$$.
_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">(?P<open>\\\(|\\\[)(?P<latex>.*?)(?:\\\)|\\\])</(?P=tag)>',
    re.DOTALL,
)


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """Replaces the formulas of a page, those in docstrings included."""

    def formula(match: re.Match[str]) -> str:
        latex = html.unescape(match["latex"]).strip()
        display = "inline" if match["open"] == r"\(" else "block"
        try:
            mathml = convert(latex, display=display)
        except Exception as error:
            raise PluginError(f"{page.file.src_path}: {latex!r} is not read: {error!r}") from None
        tag = match["tag"]
        return f'<{tag} class="formula">{mathml}</{tag}>'

    return _FORMULA.sub(formula, content)
