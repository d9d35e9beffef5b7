"""The question, answered from the measurements: what is gained at the same clean accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from experiments.robustness.choice import POINT
from experiments.robustness.measurement import KINDS, RADII, TOLD, Measured

# (model, trial) to its networks, one a seed.
Networks = Mapping[tuple[str, int], Sequence[Measured]]


class Interval(NamedTuple):
    """A mean over seeds and a confidence interval of 95 %, by Student's distribution."""

    mean: Float[np.ndarray, "..."]
    low: Float[np.ndarray, "..."]
    high: Float[np.ndarray, "..."]


def interval(values: Float[np.ndarray, "seeds ..."]) -> Interval:
    """Of one seed alone the interval is all numbers."""
    mean, count = values.mean(0), len(values)
    if count < 2:
        return Interval(mean, np.full_like(mean, -np.inf), np.full_like(mean, np.inf))
    half = stats.t.ppf(0.975, count - 1) * values.std(0, ddof=1) / np.sqrt(count)
    return Interval(mean, mean - half, mean + half)


def curves(networks: Sequence[Measured]) -> dict[str, Float[np.ndarray, "seeds r"]]:
    """Accuracies of a model by kind; "clean" with one entry a seed."""
    found = [one.accuracies() for one in networks]
    clean = np.array([[np.mean(one.correct)] for one in networks])
    return {"clean": clean} | {kind: np.stack([one[kind] for one in found]) for kind in KINDS}


def differences(a: Sequence[Measured], b: Sequence[Measured]) -> dict[str, Interval]:
    """a less b, seed by seed, by kind: the same images and the same split."""
    first, second = curves(a), curves(b)
    return {kind: interval(first[kind] - second[kind]) for kind in first}


def rows(networks: Networks, chosen: Mapping[tuple[str, str], tuple[int, int]]) -> list[dict]:
    """A row a pair, kind and radius: mean difference in points, its interval, and the verdict."""
    found: list[dict[str, Any]] = []
    for (a, b), (i, j) in chosen.items():
        apart = differences(networks[a, i], networks[b, j])
        away = float(apart["clean"].mean[0])
        for kind, own in apart.items():
            radii = [0.0] if kind == "clean" else RADII["maximum" if "max" in kind else "2"]
            for radius, mean, low, high in zip(radii, *own, strict=True):
                found.append(
                    {
                        "model": a,
                        "against": b,
                        "kind": kind,
                        "radius": radius,
                        "points": 100 * float(mean),
                        "low": 100 * float(low),
                        "high": 100 * float(high),
                        "verdict": verdict(float(low), float(high)),
                        "clean_points": 100 * away,
                        "same_clean_accuracy": abs(away) <= POINT,
                    }
                )
    return found


def verdict(low: float, high: float) -> str:
    """Whether the interval has one sign."""
    if low > 0:
        return "gains"
    return "loses" if high < 0 else "no difference shown"


def sentences(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each pair, what the rows say of each kind, at the radius of the summary."""
    told = []
    pairs = dict.fromkeys((row["model"], row["against"]) for row in found)
    for a, b in pairs:
        own = [row for row in found if (row["model"], row["against"]) == (a, b)]
        clean = own[0]["clean_points"]
        same = "the same" if own[0]["same_clean_accuracy"] else "NOT the same"
        told.append(f"{a} against {b}, at {same} clean accuracy ({clean:+.1f} points):")
        for row in own:
            if TOLD.get(row["kind"]) == row["radius"]:
                told.append(
                    f"  {row['kind']:18} {row['verdict']:20}{row['points']:+6.1f} points "
                    f"[{row['low']:+.1f}, {row['high']:+.1f}] at radius {row['radius']:g}"
                )
    return told
