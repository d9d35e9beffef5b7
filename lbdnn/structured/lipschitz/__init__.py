"""Lipschitz constants with proof: of linear maps, of layers, and of their compositions."""

from .chains import lipschitz_constant as lipschitz_constant
from .constant import (
    Constant as Constant,
    composition as composition,
    exactly as exactly,
    residual as residual,
)
from .convolution import (
    convolution_least_singular_value as convolution_least_singular_value,
    convolution_norm as convolution_norm,
)
from .dense import matrix_norm as matrix_norm
from .euler import euler_step as euler_step
from .flows import (
    expansive_step as expansive_step,
    gradient_step as gradient_step,
    relative_step as relative_step,
)
from .geometry import Convolution as Convolution
from .layers import flow_constant as flow_constant
from .operations import operation_constants as operation_constants
from .pooling import (
    average_pooling_norm as average_pooling_norm,
    max_pooling_constant as max_pooling_constant,
)
from .singular_values import least_singular_value as least_singular_value
