"""Expansive and contractive layers in turn, with a Lipschitz constant by construction."""

from __future__ import annotations

import math
from typing import Literal, get_args

from ...activations import Activation
from ..weights import BlockOrthogonalConvolution, Orthogonal, OrthogonalConvolution
from .expansive import Expansive
from .field import slopes
from .flow import Flow
from .gradient import GradientFlow
from .layer import Layer

Constants = Literal["sharp", "published"]
Method = Literal["cayley", "exponential", "householder", "blocks"]


def contraction_constant(
    step: float,
    *,
    slopes: tuple[float, float] = (0.5, 1.0),
    constants: Constants = "sharp",
) -> float:
    r"""Of a step x − hAᵀΣ(Ax + b), AᵀA = I, Σ with slopes in [α, β], 0 ≤ α ≤ β.

    - "sharp": max(1 − αh, βh − 1), attained (`GradientFlow`).
    - "published": √(1 − 2αh + β²h²), √(1 − h + h²) for (1/2, 1) (Celledoni et al. 2022, arXiv
      2210.02373). It holds for any field g with (x − y)ᵀ(g(x) − g(y)) ≥ α‖x − y‖² and
      ‖g(x) − g(y)‖ ≤ β‖x − y‖: ‖x − y − h(g(x) − g(y))‖² ≤ (1 − 2αh + β²h²)‖x − y‖².

    The sharp one is smaller for h > 0 and α < β: the square of either of its two terms, less that
    of the published one, is h²(α² − β²) < 0 and 2h(α − β) < 0. The former is so as AᵀDA is
    symmetric.

    **Raises:** ValueError for a step that is not finite and ≥ 0, slopes not 0 ≤ α ≤ β < ∞, and
    other constants.
    """
    alpha, beta = _checked(slopes, constants)
    if not 0 <= step < math.inf:
        raise ValueError(f"a step must be finite and >= 0; got {step!r}")
    if constants == "sharp":
        return max(1 - alpha * step, beta * step - 1)
    return math.sqrt(1 - 2 * alpha * step + (beta * step) ** 2)


def most_contractive_step(
    *, slopes: tuple[float, float] = (0.5, 1.0), constants: Constants = "sharp"
) -> float:
    """Where `contraction_constant` is least: 2/(α + β), published α/β².

    The constants there are (β − α)/(β + α) and √(1 − α²/β²).

    **Raises:** ValueError as `contraction_constant`, and for β = 0.
    """
    alpha, beta = _checked(slopes, constants)
    if beta == 0:
        raise ValueError("an activation with the slope 0 everywhere contracts nothing")
    return 2 / (alpha + beta) if constants == "sharp" else alpha / beta**2


def largest_expansive_step(
    contraction_step: float,
    *,
    slopes: tuple[float, float] = (0.5, 1.0),
    constants: Constants = "sharp",
    lipschitz: float = 1.0,
) -> float:
    r"""The largest h_E with c(1 + βh_E) ≤ `lipschitz`, c the `contraction_constant`; ‖W‖ = 1.

    For (1/2, 1) and the constant 1 of a pair at most 2/√3 − 1 = 0.1547, at h_C = 1/2, with the
    published constants; with the sharp ones 1/3 at h_C = 1/2, and up to 2, at h_C = 4/3.

    The product holds in floating point, too, as it is computed here.

    **Returns:** h_E; inf for β = 0 or c = 0.

    **Raises:** ValueError where no h_E > 0 will do, as c is not less than `lipschitz`.
    """
    c = contraction_constant(contraction_step, slopes=slopes, constants=constants)
    if not c < lipschitz < math.inf:
        raise ValueError(
            f"a contraction by {c:.6g} (step {contraction_step!r}) leaves no room below the "
            f"Lipschitz constant {lipschitz!r}: take steps whose contraction_constant is less"
        )
    beta = slopes[1]
    if beta * c == 0:
        return math.inf
    step = (lipschitz / c - 1) / beta
    while c * (1 + step * beta) > lipschitz:
        step = math.nextafter(step, 0.0)
    return step


def alternating(
    n: int | tuple[int, int, int],
    pairs: int,
    *,
    activation: str | Activation = "leaky_relu(0.5)",
    constants: Constants = "sharp",
    contraction_step: float | None = None,
    lipschitz: float = 1.0,
    method: Method = "cayley",
) -> Flow:
    r"""x + h_EΣ(Wx + v), then x − h_CAᵀΣ(Ax + b), `pairs` times, with orthogonal W and A.

    **Property:** the Lipschitz constant of every pair is at most `lipschitz`, that of the flow
    at most lipschitz^pairs, for all parameters: h_E is the `largest_expansive_step`.

    **Arguments:**

    - `n`: the number of states; or (channels, height, width), for images: then W and A are circular
      convolutions, with 3 × 3 taps or as many parameters.
    - `activation`: with slopes in [α, β], α > 0.
    - `constants`: "sharp", or "published" for the smaller steps of the source. Which
      is used changes the steps; `Flow.lipschitz` is the sharp one in both cases.
    - `contraction_step`: h_C, by default the `most_contractive_step`.
    - `method`: of `lbdnn.structured.weights.Orthogonal`; for images "cayley", of
      `OrthogonalConvolution`, or "blocks", of `BlockOrthogonalConvolution`.

    **Raises:** ValueError where no such steps exist, as for α = 0 (ReLU, tanh), and for another
    method for images.

    Celledoni, Murari, Owren, Schönlieb, Sherry (2022, arXiv 2210.02373).
    """
    weight = _orthogonal(n, method)
    contraction, expansion = GradientFlow(weight, activation), Expansive(weight, activation)
    own = slopes(activation)
    if contraction_step is None:
        contraction_step = most_contractive_step(slopes=own, constants=constants)
    step = largest_expansive_step(
        contraction_step, slopes=own, constants=constants, lipschitz=lipschitz
    )
    pair = (Layer(expansion, step=step), Layer(contraction, step=contraction_step))
    return Flow(pair * pairs)


def _orthogonal(
    n: int | tuple[int, int, int], method: Method
) -> Orthogonal | OrthogonalConvolution | BlockOrthogonalConvolution:
    if not isinstance(n, tuple):
        if method == "blocks":
            raise ValueError('method "blocks" makes convolutions: pass (channels, height, width)')
        return Orthogonal(n, n, method=method)
    if len(n) != 3:
        raise ValueError(f"images are (channels, height, width); got {n}")
    match method:
        case "cayley":
            return OrthogonalConvolution(n[0], n[0], n[1:])
        case "blocks":
            return BlockOrthogonalConvolution(n[0], n[0], n[1:])
    raise ValueError(
        f'orthogonal convolutions are made by method "cayley" or "blocks"; got {method!r}'
    )


def _checked(slopes: tuple[float, float], constants: str) -> tuple[float, float]:
    alpha, beta = slopes
    if not 0 <= alpha <= beta < math.inf:
        raise ValueError(f"slopes must be 0 <= least <= greatest, finite; got {slopes!r}")
    if constants not in get_args(Constants):
        raise ValueError(f'constants are "sharp" or "published"; got {constants!r}')
    return alpha, beta
