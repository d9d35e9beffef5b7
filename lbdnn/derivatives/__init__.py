"""Exact derivatives of Φ(σ, θ) at a point, dense and matrix-free.

At a kink of an activation (ReLU at 0) the first derivative is the value that JAX assigns: one of
the one-sided slopes, or a number between them. The second derivative is that of the smooth pieces;
the jump of the slope is not in it, so at or near a kink it bounds no remainder.
"""

from .dense import (
    hessian as hessian,
    input_hessian as input_hessian,
    input_jacobian as input_jacobian,
    jacobian as jacobian,
    mixed_hessian as mixed_hessian,
    taylor_remainder as taylor_remainder,
)
from .hessian_norms import (
    hessian_norm as hessian_norm,
    hessian_norm_bounds as hessian_norm_bounds,
    input_hessian_norm as input_hessian_norm,
)
from .hessian_range import compressed_hessian as compressed_hessian
from .jacobian_norms import (
    input_jacobian_norm as input_jacobian_norm,
    jacobian_gram as jacobian_gram,
    jacobian_norm as jacobian_norm,
)
from .tensor_norms import TensorNorm as TensorNorm, tensor_norm as tensor_norm
