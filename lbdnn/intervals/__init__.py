"""Arithmetic whose results contain the truth: intervals, matrices with radii, proved norms.

No networks here: what stands in this room knows nothing of the rest of the library.
"""

from .centred import (
    Centred as Centred,
    NormBall as NormBall,
    all_definite as all_definite,
    centred as centred,
    from_interval as from_interval,
    norm_ball as norm_ball,
)
from .interval import Interval as Interval, interval as interval
from .natural import natural as natural
from .norms import (
    definite as definite,
    euclidean as euclidean,
    largest_eigenvalue as largest_eigenvalue,
    nonnegative_norm as nonnegative_norm,
    perron as perron,
    rough_norm as rough_norm,
    spectral_norm as spectral_norm,
    spectral_norm_quick as spectral_norm_quick,
)
from .rounding import barrier as barrier, down as down, gamma as gamma, up as up
