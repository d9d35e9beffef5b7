"""What one pass over a chain knows of each layer: weights, slopes, curvatures, norms."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..networks import Affine, Chain, Operation, Pointwise, Scaling
from ..norms import euclidean, matrix_product, product
from ..sets import InputRegion, ParameterRegion


class Layer(NamedTuple):
    """Layer j over a region: s_j = ψ_j(Φ_{j−1}), Φ_j = V_jᵀ[s_j; 1], with ψ_j elementwise.

    `slope` and `curvature` bound |ψ_j'| and |ψ_j''|, each (n_in,), inf where there is none;
    `weight` is W_j at the region's centre, (n_out, n_in); `radius` bounds ‖E_j‖_F; `norm` bounds
    ‖[s_j; 1]‖ (‖s_j‖ without bias). ψ_0 is what stands before the first affine map.
    """

    slope: Float[Array, " n_in"]
    curvature: Float[Array, " n_in"]
    weight: Float[Array, "n_out n_in"]
    radius: Float[Array, ""]
    norm: Float[Array, ""]


class Enclosure(NamedTuple):
    """The layers, then what follows the last: |ψ'|, |ψ''| (n_out,) and a bound of ‖Φ‖."""

    layers: list[Layer]
    slope: Float[Array, " m"]
    curvature: Float[Array, " m"]
    value: Float[Array, ""]


def enclose(net: Chain, inputs: InputRegion, parameters: ParameterRegion) -> Enclosure:
    """Enclosures over the region by intervals and norms.

    Through an affine map: intervals through the weights of the centre, widened in each entry by
    (the largest possible row of E_j)·‖[s_j; 1]‖; in norm ‖Φ_j‖ ≤ ‖V_jᵀ[s_j; 1]‖ + ρ_j‖[s_j; 1]‖.
    Through elementwise maps: exact ranges, and (f∘g)'' = (f''∘g) g'² + (f'∘g) g''.

    Raises TypeError for an operation that this pass does not know.
    """
    lo, hi, norm = inputs.lo, inputs.hi, inputs.norm()
    slope, curvature = jnp.ones_like(lo), jnp.zeros_like(lo)
    rest = iter(zip(parameters.layer_radii(), parameters.entries, strict=True))
    layers: list[Layer] = []
    for operation, own in net.steps(net.with_weights(parameters.center)):
        if isinstance(operation, Affine):
            assert own is not None and not isinstance(own, tuple)
            radius, entry = next(rest)
            grown = jnp.hypot(norm, 1.0) if operation.bias else norm
            layers.append(Layer(slope, curvature, operation.weight(own), radius, grown))
            lo, hi, norm = _through_affine(operation, own, entry, radius, lo, hi, grown)
            slope, curvature = jnp.ones_like(lo), jnp.zeros_like(lo)
        else:
            first, second = _derivatives(operation, lo, hi)
            # inf·0 counts as inf: where no derivative exists no bound does.
            curvature = _product(second, slope**2) + _product(first, curvature)
            slope = _product(first, slope)
            lo, hi, norm = _through_elementwise(operation, lo, hi, norm)
        # NaN is no bound: where 0 is outside the domain, ς(0) is not defined.
        norm = jnp.fmin(norm, euclidean(magnitude(lo, hi)))
    return Enclosure(layers, slope, curvature, norm)


def magnitude(lo: Array, hi: Array) -> Array:
    """The largest absolute value in each interval."""
    return jnp.maximum(jnp.abs(lo), jnp.abs(hi))


def _through_affine(
    operation: Affine, own: Array, entry: Array, radius: Array, lo: Array, hi: Array, grown: Array
) -> tuple[Array, Array, Array]:
    weight = operation.weight(own)
    middle = (lo + hi) / 2
    center = operation.apply(own, middle)
    # Sums that cancel leave their rounding errors: a-priori at most this, also in the radius.
    rounding = (2 * weight.shape[1] + 16) * jnp.finfo(weight.dtype).eps
    largest = magnitude(lo, hi)
    if operation.bias:
        largest = jnp.append(largest, 1.0)
    lost = rounding * matrix_product(jnp.abs(own), largest)
    spread = matrix_product(jnp.abs(weight), (hi - lo) / 2) + lost
    nominal = euclidean(jnp.abs(center) + spread)
    moved = product(radius, grown)
    norm = jnp.minimum(nominal, product(jnp.linalg.norm(own, 2), grown)) + moved
    # Each row of a perturbation is no longer than the whole.
    rows = product(jnp.minimum(radius, euclidean(entry, 1)), grown)
    spread = spread + (1 + rounding) * rows
    return center - spread, center + spread, norm


def _derivatives(operation: Operation, lo: Array, hi: Array) -> tuple[Array, Array]:
    if isinstance(operation, Scaling):
        scale = jnp.abs(jnp.asarray(operation.scale, lo.dtype))
        return scale, jnp.zeros_like(scale)
    if isinstance(operation, Pointwise):
        first, second = (operation.activation.enclose(order, lo, hi) for order in (1, 2))
        return magnitude(*first), magnitude(*second)
    raise TypeError(f"no bound is known for the operation {type(operation).__name__}")


def _through_elementwise(
    operation: Operation, lo: Array, hi: Array, norm: Array
) -> tuple[Array, Array, Array]:
    zero = jnp.zeros_like(lo)
    at_zero = operation.apply(None, zero)
    # ‖ψ(x)‖ ≤ ‖ψ(0)‖ + sup|ψ'|·‖x‖, the slope taken between 0 and x.
    lipschitz = jnp.max(_derivatives(operation, jnp.minimum(lo, zero), jnp.maximum(hi, zero))[0])
    norm = euclidean(at_zero) + product(lipschitz, norm)
    if isinstance(operation, Pointwise):
        lo, hi = operation.activation.enclose(0, lo, hi)
    else:
        ends = operation.apply(None, lo), operation.apply(None, hi)
        slack = 4 * jnp.finfo(lo.dtype).eps * (jnp.maximum(*map(jnp.abs, ends)) + jnp.abs(at_zero))
        lo, hi = jnp.minimum(*ends) - slack, jnp.maximum(*ends) + slack
    return lo, hi, norm


def _product(a: Array, b: Array) -> Array:
    unbounded = jnp.isinf(a) | jnp.isinf(b)
    return jnp.where(unbounded, jnp.inf, jnp.where(unbounded, 0.0, a) * b)
