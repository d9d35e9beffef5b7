"""Proofs in ball arithmetic: where a derivative of an activation changes its sign, and how far an
activation exceeds a line. A function returns what it has proved or raises AssertionError."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from flint import arb

from .pieces import INF, Piece, ball


@dataclass(frozen=True)
class Cell:
    """ς⁽ⁿ⁾ has this sign (weakly) on [left, right]; 0 says that it vanishes there."""

    left: float
    right: float
    sign: int


def cells(piece: Piece, n: int, points: list[float]) -> list[Cell]:
    """The piece cut at the points, with the sign of ς⁽ⁿ⁾ on each part.

    Where ς⁽ⁿ⁾ changes sign, it does so within an ulp or two of the point, and nowhere else.
    """
    ends = [float(piece.left), *points, float(piece.right)]
    tail = piece.tails.get(1)
    if tail and tail.size is None and not points:
        return [Cell(ends[0], ends[1], tail.sign(n, 1.0))]
    zeros = sorted({*points, *(piece.touches if n == 1 else ())})
    near = [_neighbourhood(piece, n, z) for z in zeros]
    left = arb(-piece.far) if piece.left == -INF else ball(piece.left)
    right = arb(piece.far) if piece.right == INF else ball(piece.right)
    starts = [left, *(arb(z) + r for z, r, _, _ in near)]
    stops = [*(arb(z) - r for z, r, _, _ in near), right]
    signs = [constant_sign(piece, n, a, b) for a, b in zip(starts, stops, strict=True)]
    for i, (_, _, before, after) in enumerate(near):
        assert (signs[i], signs[i + 1]) == (before, after)
    if piece.left == -INF:
        assert tail_sign(piece, -1, n) == signs[0]
    if piece.right == INF:
        assert tail_sign(piece, 1, n) == signs[-1]
    bounds = [float(piece.left), *zeros, float(piece.right)]
    parts = [Cell(a, b, s) for (a, b), s in zip(pairwise(bounds), signs, strict=True)]
    for touch in set(zeros) - set(points):
        i = next(i for i, part in enumerate(parts) if part.right == touch)
        assert parts[i].sign == parts[i + 1].sign
        parts[i : i + 2] = [Cell(parts[i].left, parts[i + 1].right, parts[i].sign)]
    return parts


def _neighbourhood(piece: Piece, n: int, z: float) -> tuple[float, float, int, int]:
    """(z, radius, sign of ς⁽ⁿ⁾ before, after), z its only possible change of sign within radius."""
    tiny = max(abs(z) * 2.0**-51, 2.0**-80)
    radius = 0.05
    while True:
        balls = piece.derivatives(arb(z, radius), n + 3)
        if _sign(balls[n]) is not None:  # no change of sign at all
            return z, radius, _sign(balls[n]), _sign(balls[n])
        if _sign(balls[n + 1]):  # ς⁽ⁿ⁾ is monotone here
            before = _sign(piece.derivatives(arb(z) - tiny, n + 1)[n])
            after = _sign(piece.derivatives(arb(z) + tiny, n + 1)[n])
            assert before and before == -after, f"no zero of derivative {n} near {z}"
            return z, radius, before, after
        if z in piece.touches and _sign(balls[n + 2]):
            at = piece.derivatives(arb(z), n + 2)
            assert at[n] == 0 and at[n + 1] == 0
            return z, radius, _sign(balls[n + 2]), _sign(balls[n + 2])
        radius /= 2
        assert radius > tiny, f"derivative {n} has more than one zero near {z}"


def constant_sign(piece: Piece, n: int, left: arb, right: arb) -> int:
    """The sign of ς⁽ⁿ⁾ on [left, right], by bisection."""
    signs, todo = set(), [(left, right)]
    for _ in range(20_000):
        if not todo:
            assert len(signs) == 1, f"derivative {n} changes sign in [{left}, {right}]"
            return signs.pop()
        a, b = todo.pop()
        found = _sign(piece.derivatives(a.union(b), n + 1)[n])
        if found is None:
            middle = ((a + b) / 2).mid()
            assert a < middle < b, f"derivative {n} touches 0 near {middle}"
            todo += [(middle, b), (a, middle)]
        else:
            signs.add(found)
    raise AssertionError(f"no sign of derivative {n} in [{left}, {right}]")


def tail_sign(piece: Piece, side: int, n: int) -> int:
    """The sign of ς⁽ⁿ⁾ beyond ±far."""
    tail, flip = piece.tails[side], side**n
    if n >= tail.order:
        return tail.sign(n, piece.far) * flip
    limit = piece.limits[side][n]
    value = limit() if callable(limit) else arb(limit)
    if value == 0:  # it is monotone and tends to 0
        return -side * tail_sign(piece, side, n + 1)
    # It is monotone between its value at ±far and a limit of the same sign.
    assert tail_sign(piece, side, n + 1) in (-1, 0, 1)
    sign = _sign(value)
    assert sign == _sign(piece.derivatives(arb(side * piece.far), n + 1)[n])
    return sign


def limit(piece: Piece, side: int, n: int) -> arb:
    """The limit of ς⁽ⁿ⁾ at the left (−1) or right (1) end of the domain."""
    known = piece.limits.get(side, ())
    if n < len(known):
        value = known[n]
        return value() if callable(value) else arb(value)
    return piece.tails[side].limit(n) * side**n


def _sign(value: arb) -> int | None:
    if value == 0:
        return 0
    return 1 if value > 0 else -1 if value < 0 else None


def excess(piece: Piece, slope: float, tolerance: float) -> tuple[float, float]:
    """(a value that |ς(z)| − slope·|z| takes, an upper bound of it) on the piece, nearly equal."""
    line, lower, upper = arb(slope), -INF, -INF
    left = -piece.far if piece.left == -INF else piece.left
    right = piece.far if piece.right == INF else piece.right
    ends = sorted({left, right, *({0.0} if left < 0 < right else ())})
    for a, b in pairwise(ends):
        for sign in (1, -1):
            side = 1 if a >= 0 else -1
            found = _supremum(piece, sign, line * side, ball(a), ball(b), tolerance)
            lower, upper = max(lower, found[0]), max(upper, found[1])
    for side, end in ((-1, piece.left), (1, piece.right)):
        if abs(end) == INF:
            at_end = _excess_in_tail(piece, side, line)
            lower, upper = max(lower, at_end), max(upper, at_end)
    return lower, upper


def _supremum(
    piece: Piece, sign: int, slope: arb, left: arb, right: arb, tolerance: float
) -> tuple[float, float]:
    """Of sign·ς(z) − slope·z on [left, right], by branch and bound with the mean value theorem."""

    def at(z: arb) -> arb:
        return sign * piece.derivatives(z, 1)[0] - slope * z

    best = max(float(at(left).mid()), float(at(right).mid()))
    worst, todo = best, [(left, right)]
    for _ in range(20_000):
        if not todo:
            return best, worst
        a, b = todo.pop()
        drift = sign * piece.derivatives(a.union(b), 2)[1] - slope
        middle = ((a + b) / 2).mid()
        if drift >= 0 or drift <= 0:  # monotone: the greater end
            best = max(best, float(at(a).mid()), float(at(b).mid()))
            worst = max(worst, float(at(a).upper()), float(at(b).upper()))
            continue
        value = at(middle)
        best = max(best, float(value.mid()))
        bound = float((value + drift * (a.union(b) - middle)).upper())
        if bound <= best + tolerance:
            worst = max(worst, bound)
        else:
            todo += [(a, middle), (middle, b)]
    raise AssertionError("branch and bound did not end")


def _excess_in_tail(piece: Piece, side: int, line: arb) -> float:
    """sup(|ς(z)| − slope·|z|) beyond ±far, where it is monotone because ς' is."""
    start = side * piece.far
    value, slope_there = piece.derivatives(arb(start), 2)
    tail_sign(piece, side, 2)
    sign = _sign(value)
    assert sign is not None
    # The slopes of |ς| − slope·|z| outward, at the start and at infinity; between them if ς' is
    # monotone, and then of one sign.
    outward = [sign * side * v - line for v in (slope_there, limit(piece, side, 1))]
    at_start = float((sign * value - line * piece.far).mid())
    level = all(abs(v) <= line * 2.0**-50 for v in outward)  # parallel but for a1's rounding
    if level or all(v <= 0 for v in outward):
        return at_start
    assert all(v >= 0 for v in outward)
    if piece.offset is not None:
        return max(at_start, piece.offset)
    tail = piece.tails[side]
    return max(at_start, float((tail if sign > 0 else -tail).minus_line(line.fmpq()).limit(0)))
