"""The claims as a page to read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.claims.claim import Claim


def page(claims: Sequence[Claim]) -> str:
    """Markdown: a table of verdicts, then each claim with its evidence."""
    lines = ["| claim | source | verdict |", "|---|---|---|"]
    lines += [f"| [{c.id}](#{c.id}) | {c.source} | {c.verdict} |" for c in claims]
    for claim in claims:
        lines += ["", f"## {claim.id}", "", f"**Claim** ({claim.source}). {claim.statement}"]
        lines += ["", f"**Criterion.** {claim.criterion}", "", f"**Verdict: {claim.verdict}.**"]
        lines[-1] += f" {claim.reason}"
        if claim.instead:
            lines += ["", f"**What holds.** {claim.instead}"]
        if claim.evidence:
            lines += ["", *_listed(claim.evidence)]
    return "\n".join(lines) + "\n"


def _listed(evidence: Mapping[Any, Any], depth: int = 0) -> list[str]:
    lines: list[str] = []
    for name, value in evidence.items():
        indent = "    " * depth
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}- {name}:", *_listed(value, depth + 1)]
        else:
            lines.append(f"{indent}- {name}: {_text(value)}")
    return lines


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "∞" if math.isinf(value) else f"{value:.6g}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]" if value else "none"
    if isinstance(value, Mapping):
        return "none"
    return str(value)
