"""The claims as a page to read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.claims.claim import Claim

_INTRODUCTION = """# Claims, tested

Statements of the literature on networks as dynamical systems, as far as they can be tested. Each
has a criterion, stated first, a verdict, and what holds instead. *Holds, not sharp*: it is true,
and so is more. *Holds with a correction*: with a further hypothesis or fewer cases, named below it,
the statement serves the purpose that its source has for it. *False*: it does not.

J. Drgoňa, A. Tuor, S. Vasisht, E. Skomski, D. Vrabie, *Spectral analysis and stability of deep
neural dynamics* (2020, arXiv 2011.13492), look at a network as an affine map at each point, Φ(x)
= A*(x) x + b*(x), and read its dynamics off the spectra. The idea is sound, the affine form is
exact, and the pictures it gives are worth having: this library computes them for any activation
defined at 0 and millions of points (`lbdnn.spectra`). What the paper then concludes about
stability is another matter. Its main theorem rests on an inequality for spectral radii that does
not hold; part of what it observes of depth and biases is true of some linear networks only. Counts
are over the 828 models of the paper's appendix D, with weights drawn anew (the paper's own are not
published), and depend on the seed; counterexamples and proofs do not.

D. Murari, *Dynamical systems' based neural networks* (slides, after E. Celledoni, D. Murari, B.
Owren, C.-B. Schönlieb, F. Sherry 2022, arXiv 2210.02373), makes networks of steps of numerical
integrators, whose vector fields have a property that the integrator keeps. What is said there is
true, some of it under hypotheses that are left out, and this library builds such networks
(`lbdnn.structured.flows`); but the constants of the Lipschitz-constrained ones leave most of the
room unused. D. Murari, F. Sherry, M. J. Ehrhardt, *Stable neural networks and connections to
continuous dynamical systems* (2025, arXiv 2510.22299), give an overview of that area. Its abstract
says nothing that a computation could decide; two sentences of a summary that circulates with it,
not by its authors, can be taken literally.

All of it is made by `scripts/run claims` (about two minutes), which writes this page, `claims.json`
and two figures.
"""


def page(claims: Sequence[Claim]) -> str:
    """Markdown: a table of verdicts, then each claim with its evidence."""
    lines = [_INTRODUCTION, *table(claims)]
    for claim in claims:
        lines += ["", f"## {claim.id}", "", f"**Claim** ({claim.source}). {claim.statement}"]
        lines += ["", f"**Criterion.** {claim.criterion}", "", f"**Verdict: {claim.verdict}.**"]
        lines[-1] += f" {claim.reason}"
        if claim.instead:
            lines += ["", f"**What holds.** {claim.instead}"]
        if claim.evidence:
            lines += ["", *_listed(claim.evidence)]
    return "\n".join(lines) + "\n"


def table(claims: Sequence[Claim]) -> list[str]:
    """The lines of a table of verdicts."""
    rows = [f"| [{c.id}](#{c.id.lower()}) | {c.source} | {c.verdict} |" for c in claims]
    return ["| claim | source | verdict |", "|---|---|---|", *rows]


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
