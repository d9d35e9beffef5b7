"""What a claim and its verdict are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["holds", "holds, not sharp", "holds with a correction", "false"]


@dataclass(frozen=True)
class Claim:
    """A published statement, the criterion by which it was judged, the verdict and its evidence.

    - `source`: where it stands.
    - `statement`: the claim, in words that can be tested.
    - `criterion`: what would have made it true or false, stated before the evidence.
    - `reason`: a proof sketch, or why it fails.
    - `instead`: for a claim that does not hold as it stands, or is not sharp, what does or is.
    - `evidence`: numbers, by what they are.
    """

    id: str
    source: str
    statement: str
    criterion: str
    verdict: Verdict
    reason: str
    instead: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
