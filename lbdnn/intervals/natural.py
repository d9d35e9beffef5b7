"""The natural interval extension of a function written with jax.numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jaxtyping import Array, DTypeLike

from .constants import meant, stands_for
from .interval import Interval
from .operations import ARITHMETIC, COMPARISONS, FUNCTIONS, LOGIC, Truth, select
from .rounding import constant

Value: TypeAlias = Interval | Truth | np.ndarray
_RESHAPING = {"broadcast_in_dim", "copy", "expand_dims", "reshape", "squeeze", "transpose"}
_CALLS = {"jit": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr"}


def natural(function: Callable[..., Array]) -> Callable[..., Interval]:
    r"""The function of intervals that evaluates an elementwise JAX function operation by operation.

    For numbers in the intervals it contains the real values of the function (Moore, 1966): of the
    formula that it consists of, evaluated without rounding. On single points it is as narrow as the
    formula is stable; on wide intervals dependencies between operands widen it.

    - A comparison that the intervals leave open takes both branches.
    - A constant of the formula with more than half of the digits of float64, such as √2, is taken
      for a rounding of what was meant, and widened by 8u.
    - A branch with NaN in it is (−inf, inf).

    **Arguments:** `function`: of one array or more, elementwise.

    **Returns:** the function of as many `Interval`s (of one dtype, float32 or float64).

    **Raises:** TypeError, when called, for an operation without an interval extension.
    """

    def extension(*arguments: Interval) -> Interval:
        dtype = arguments[0].dtype
        with jax.enable_x64(True):  # so that constants keep their digits, whatever the dtype is
            shapes = [jax.ShapeDtypeStruct(x.shape, jnp.float64) for x in arguments]
            program = jax.make_jaxpr(function)(*shapes)
        (result,) = _evaluate(program.jaxpr, program.consts, list(arguments), dtype)
        return result if isinstance(result, Interval) else stands_for(result, dtype)

    return extension


def _evaluate(
    jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[Value], dtype: DTypeLike
) -> list[Any]:
    known: dict[Any, Value] = dict(zip(jaxpr.constvars, map(np.asarray, constants), strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Value:
        return np.asarray(atom.val) if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        operands = [read(atom) for atom in equation.invars]
        inner = equation.params.get(_CALLS.get(equation.primitive.name, ""))
        if isinstance(inner, ClosedJaxpr):
            results = _evaluate(inner.jaxpr, inner.consts, operands, dtype)
        else:
            results = [_apply(equation, operands, dtype)]
        known |= dict(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _apply(equation: Any, operands: list[Value], dtype: DTypeLike) -> Value:
    name, params = equation.primitive.name, equation.params
    if name == "convert_element_type":
        return _converted(operands[0], params["new_dtype"])
    whole = all(isinstance(x, np.ndarray) and x.dtype.kind != "f" for x in operands)
    if whole or name in _RESHAPING:
        return _rearranged(equation, operands)
    if name == "select_n":
        return select(_truth(operands[0]), [_interval(x, dtype) for x in operands[1:]])
    if name in LOGIC:
        return LOGIC[name](*map(_truth, operands))
    if name in COMPARISONS:
        return COMPARISONS[name](*(_interval(x, dtype) for x in operands))
    if name == "integer_pow":
        return _interval(operands[0], dtype) ** params["y"]
    if name == "mul" and equation.invars[0] is equation.invars[1]:
        return _interval(operands[0], dtype).square()
    if name in ARITHMETIC:
        return ARITHMETIC[name](*_numbers(operands, dtype))
    if name not in FUNCTIONS:
        raise TypeError(_refusal(f"the operation {name!r}"))
    return FUNCTIONS[name](*(_interval(x, dtype) for x in operands))


def _refusal(what: str) -> str:
    names = sorted([*ARITHMETIC, *COMPARISONS, *FUNCTIONS, "integer_pow", "select_n"])
    return f"{what} has no interval extension; the known operations are {', '.join(names)}"


def _converted(x: Value, dtype: Any) -> Value:
    if isinstance(x, np.ndarray):
        return x.astype(dtype)
    if isinstance(x, Interval) and jnp.issubdtype(dtype, jnp.floating):
        return x
    if isinstance(x, Truth) and dtype == jnp.bool_:
        return x
    raise TypeError(_refusal(f"the conversion to {jnp.dtype(dtype).name}"))


def _rearranged(equation: Any, operands: list[Value]) -> Value:
    """An operation on shapes, or one that is exact as it has whole numbers or truths only."""

    def moved(*arrays: Any) -> Any:
        return equation.primitive.bind(*map(jnp.asarray, arrays), **equation.params)

    x = operands[0]
    if isinstance(x, Interval):
        return Interval(moved(x.lo), moved(x.hi))
    if isinstance(x, Truth):
        return Truth(moved(x.false), moved(x.true))
    with jax.ensure_compile_time_eval(), jax.enable_x64(True):
        return np.asarray(moved(*operands))


def _numbers(operands: list[Any], dtype: DTypeLike) -> list[Any]:
    """Intervals, but for single numbers that are exactly what they stand for."""

    def exact(x: Value) -> bool:
        if not isinstance(x, np.ndarray) or x.ndim or not np.isfinite(x):
            return False
        lo, hi = meant(float(x))
        return lo == hi and constant(lo, dtype) == (lo, hi)

    intervals = [_interval(x, dtype) for x in operands]
    if len(operands) != 2 or exact(operands[0]) == exact(operands[1]):
        return intervals
    return [float(x) if exact(x) else y for x, y in zip(operands, intervals, strict=True)]


def _interval(x: Value, dtype: DTypeLike) -> Interval:
    if isinstance(x, Truth):
        raise TypeError(_refusal("arithmetic with the outcome of a comparison"))
    return x if isinstance(x, Interval) else stands_for(x, dtype)


def _truth(x: Any) -> Truth:
    return x if isinstance(x, Truth) else Truth(jnp.asarray(~x), jnp.asarray(x))
