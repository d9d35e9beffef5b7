"""Formulas become MathML when the site is built: browsers draw it without scripts or a network."""

from __future__ import annotations

import html
import re
from typing import Any
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import convert_to_element
from mkdocs.exceptions import PluginError

# What pymdownx.arithmatex writes for $…$ and for $$…$$.
_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">(?P<open>\\[(\[])(?P<latex>.*?)\\[)\]]</(?P=tag)>',
    re.DOTALL,
)


def on_page_content(content: str, page: Any, **_: Any) -> str:
    """Replaces the formulas of a page, those in docstrings included."""

    def formula(match: re.Match[str]) -> str:
        latex = html.unescape(match["latex"]).strip()
        display = "inline" if match["open"] == r"\(" else "block"
        try:
            element = convert_to_element(latex, display=display)
        except Exception as error:
            raise PluginError(f"{page.file.src_path}: {latex!r} is not read: {error!r}") from None
        for part in element.iter():
            # What the converter does not know it copies.
            if part.text and (part.text.startswith("\\") or part.text == "&"):
                raise PluginError(f"{page.file.src_path}: {part.text} in {latex!r} is not known")
            _spaced(part)
        tag = match["tag"]
        # The converter's texts hold references such as &#x02264; already.
        mathml = tostring(element, encoding="unicode").replace("&amp;#", "&#")
        return f'<{tag} class="formula">{mathml}</{tag}>'

    return _FORMULA.sub(formula, content)


def _spaced(part: Element) -> None:
    """Bars without space, names with little, and primes as they stand, not raised once more."""
    if part.tag == "mo" and _text(part) in set("|‖′″‴"):
        part.set("lspace", "0")
        part.set("rspace", "0")
        part.set("stretchy", part.get("stretchy", "false"))
    if part.tag == "mo" and _text(part).isascii() and _text(part).isalpha():
        part.set("lspace", "0.1em")
        part.set("rspace", "0.17em")
    if part.tag == "msup" and _text(part[1]) in set("′″‴"):
        part.tag = "mrow"
        part[1].tag = "mo"


def _text(part: Element) -> str:
    return html.unescape("".join(part.itertext()))
