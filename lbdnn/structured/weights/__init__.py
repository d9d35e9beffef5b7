"""Weights with a proved property: differentiable maps from unconstrained parameters."""

from .block_convolution import (
    BlockOrthogonalConvolution as BlockOrthogonalConvolution,
    Blocks as Blocks,
)
from .convolutions import (
    NormBoundedConvolution as NormBoundedConvolution,
    UnstructuredConvolution as UnstructuredConvolution,
)
from .gershgorin import Gershgorin as Gershgorin, GershgorinParameters as GershgorinParameters
from .hamiltonian import Hamiltonian as Hamiltonian
from .norm_bounded import NormBounded as NormBounded
from .orthogonal import Orthogonal as Orthogonal
from .orthogonal_convolution import OrthogonalConvolution as OrthogonalConvolution
from .parametrization import Parametrization as Parametrization
from .perron_frobenius import (
    PerronFrobenius as PerronFrobenius,
    PerronFrobeniusParameters as PerronFrobeniusParameters,
)
from .schur_stable import SchurStable as SchurStable, SchurStableParameters as SchurStableParameters
from .singular_values import SVD as SVD, SVDParameters as SVDParameters
from .skew_symmetric import SkewSymmetric as SkewSymmetric
from .unstructured import Unstructured as Unstructured
