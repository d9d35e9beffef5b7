"""Looking for wrong constants in an activation: for those who add their own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from .activation import Activation
from .sampling import Samples, peak, sample

_NAMES = ("ς", "ς'", "ς''", "ς'''")
_WINDOWS = (2, 9, 65, 513)


@dataclass(frozen=True)
class Report:
    """What `check` found, as sentences: in `wrong`, constants that would make bounds false; in
    `loose`, constants that are true but larger than need be."""

    activation: str
    wrong: tuple[str, ...]
    loose: tuple[str, ...]

    def __str__(self) -> str:
        verdict = "WRONG" if self.wrong else "nothing wrong found"
        found = [f"wrong: {text}" for text in self.wrong] + [f"loose: {t}" for t in self.loose]
        return "\n".join([f"{self.activation}: {verdict}", *found])


def check(activation: Activation) -> Report:
    """Searches for a value outside what an activation's constants claim, and for slack in them.

    Evaluates ς and its derivatives in float64 at thousands of points (dense near 0 and near every
    point in `extremes`, sparse to ±1e30) and compares with enclosures, limits and growth; compares
    `derivatives` with automatic ones, and each ς⁽ᵈ⁾ with the slopes of ς⁽ᵈ⁻¹⁾. It is a search, not
    a proof: what happens between its points, or is smaller than 1e-9 of the value, it does not see.

    **Returns:** a `Report`; print it. Its `loose` lists constants that are true but not attained.

    **Raises:** ValueError, its text a report, if constants are wrong: where, by how much, and what
    may be missing.
    """
    with jax.enable_x64(True):
        samples = sample(activation)
        wrong = (
            *_undefined(samples),
            *_formulas(samples),
            *_enclosures(samples),
            *_slopes(samples),
            *_growth_exceeded(samples),
        )
        loose = (
            *_not_attained(samples),
            *_not_approached(samples),
            *_growth_slack(samples),
            *_domain_slack(samples),
        )
    report = Report(activation.spec, wrong, loose)
    if wrong:
        raise ValueError(str(report))
    return report


def _undefined(samples: Samples) -> Iterator[str]:
    for order, values in enumerate(samples.values):
        bad = np.isnan(values)
        if bad.any():
            z, domain = samples.z[np.argmax(bad)], samples.activation.domain
            yield f"{_NAMES[order]}({z:.17g}) is NaN, in the domain {domain}."


def _formulas(samples: Samples) -> Iterator[str]:
    """Each given derivative is that of the formula before it."""
    activation = samples.activation
    formulas = (activation.function, *activation.derivatives)
    z = jnp.asarray(samples.z)
    for order, formula in enumerate(formulas[1:], start=1):

        def below(x: jax.Array, before=formulas[order - 1]) -> jax.Array:
            return before(x, *activation.parameters)

        automatic = np.asarray(jax.jvp(below, (z,), (jnp.ones_like(z),))[1])
        given = np.asarray(formula(z, *activation.parameters))
        with np.errstate(invalid="ignore"):
            error = np.abs(given - automatic) - 1e-6 * (np.abs(given) + samples.scale(order))
        error = np.where(np.isfinite(error), error, -math.inf)
        # At a single point the two may differ: there a formula such as |z| has no derivative.
        error = np.minimum(error[1:], error[:-1])
        i = int(np.argmax(error))
        if error[i] > 0:
            yield (
                f"derivatives[{order - 1}] says {_NAMES[order]}({samples.z[i]:.17g}) = "
                f"{given[i]:.17g}, automatic differentiation {automatic[i]:.17g}."
            )


def _enclosures(samples: Samples) -> Iterator[str]:
    """On windows of neighbouring samples, and on half lines, enclosures contain the values."""
    for order, values in enumerate(samples.values):
        worst, found = 0.0, ""
        for i, j, lo, hi in samples.windows(_WINDOWS):
            lower, upper = samples.enclose(order, lo, hi)
            for sign, bound in ((1, upper), (-1, -lower)):
                top = samples.greatest(sign * values, i, j)
                with np.errstate(invalid="ignore"):
                    beyond = top - bound - samples.tolerance(order, top, 1e-9)
                beyond = np.where(np.isnan(beyond), -math.inf, beyond)
                k = int(np.argmax(beyond))
                if beyond[k] > worst:
                    worst = beyond[k]
                    z, value = peak(samples, order, sign, i[k], j[k])
                    found = (
                        f"{_NAMES[order]}({z:.17g}) = {value:.17g} is outside the enclosure on "
                        f"[{lo[k]:.9g}, {hi[k]:.9g}], [{lower[k]:.9g}, {upper[k]:.9g}]; is an "
                        f"extreme missing in extremes[{order}], or limits[{order}] or the period "
                        "wrong?"
                    )
        if found:
            yield found


def _slopes(samples: Samples) -> Iterator[str]:
    """By the mean value theorem, quotients of ς⁽ᵈ⁻¹⁾ lie in the enclosure of ς⁽ᵈ⁾."""
    lo, hi = samples.z, np.append(samples.z[1:], samples.z[-1])
    for order in (1, 2, 3):
        below = samples.values[order - 1]
        lower, upper = samples.enclose(order, lo, hi)
        with np.errstate(all="ignore"):  # the last pair is no pair: 0/0
            rate = np.diff(below, append=below[-1]) / (hi - lo)
            rounding = 1e-13 * (np.abs(below) + samples.scale(order - 1)) / (hi - lo)
            beyond = np.maximum(rate - upper, lower - rate) - rounding
            beyond -= samples.tolerance(order, rate, 1e-6)
        beyond = np.where(np.isfinite(beyond), beyond, -math.inf)
        i = int(np.argmax(beyond))
        if beyond[i] > 0:
            yield (
                f"{_NAMES[order - 1]} grows by {rate[i]:.9g}·z between {lo[i]:.17g} and "
                f"{hi[i]:.17g}, where {_NAMES[order]} is enclosed in [{lower[i]:.9g}, "
                f"{upper[i]:.9g}]; is a jump missing in extremes[{order}] as (z, ±inf)?"
            )


def _growth_exceeded(samples: Samples) -> Iterator[str]:
    a1, a0 = samples.activation.growth
    i, excess = samples.excess(a1, a0)
    if excess > 0:
        z, value = samples.z[i], samples.values[0][i]
        yield f"growth: |ς({z:.17g})| = {abs(value):.17g} exceeds {a1:g}·|z| + {a0:g}."


def _growth_slack(samples: Samples) -> Iterator[str]:
    a1, a0 = samples.activation.growth
    if math.isinf(a1 + a0):
        if samples.whole_line and all(map(math.isfinite, samples.activation.limits[1])):
            yield "growth is infinite, though a line bounds |ς|, as the limits of ς' are finite."
        return
    if a1 > 0 and samples.excess(0.999 * a1, a0)[1] <= 0:
        yield f"growth: {0.999 * a1:g}·|z| + {a0:g} would hold too."
    if samples.excess(a1, 0.999 * a0 - 1e-6)[1] <= 0:
        yield f"growth: {a1:g}·|z| + {0.999 * a0 - 1e-6:g} would hold too."


def _not_attained(samples: Samples) -> Iterator[str]:
    for order, group in enumerate(samples.activation.extremes):
        for z, value in group:
            sides = samples.sides(z)
            left, right = sides[order]
            pair = f"extremes[{order}] has ({z:g}, {value:g})"
            if math.isinf(value):
                lower = enumerate(sides[:order])
                if all(abs(b - a) <= samples.tolerance(d, b, 1e-6) for d, (a, b) in lower):
                    yield f"{pair}, but no lower derivative jumps there."
                continue
            error = min(abs(left - value), abs(right - value))
            if error > samples.tolerance(order, value, 1e-7):
                yield f"{pair}, but near it {_NAMES[order]} is {left:.17g} and {right:.17g}."


def _not_approached(samples: Samples) -> Iterator[str]:
    if samples.activation.period is not None:
        return
    for order, limits in enumerate(samples.activation.limits):
        for side, limit in zip(("left", "right"), limits, strict=True):
            before, last = samples.towards(order, side)
            if math.isinf(limit):
                approached = last == limit or (last - before) * limit > 0
            else:
                approached = abs(last - limit) <= 1e-6 * (abs(limit) + samples.scale(order))
            if not approached:
                name = _NAMES[order]
                yield f"limits[{order}] has {limit:g} on the {side}, but {name} comes to {last:g}."


def _domain_slack(samples: Samples) -> Iterator[str]:
    for end, outward in zip(samples.activation.domain, (-1, 1), strict=True):
        if math.isfinite(end):
            z = end + outward * 1e-3 * (1 + abs(end))
            value = float(samples.activation(jnp.asarray(z, float)))
            if math.isfinite(value):
                yield f"the domain ends at {end:g}, but ς({z:g}) is {value:g}."
