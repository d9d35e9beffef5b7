"""Networks as pointwise affine maps and as dynamics x ↦ Φ(x): spectra, orbits, attractors."""

from .affine_maps import AffineMap as AffineMap, linearize as linearize
from .attractors import (
    ATTRACTORS as ATTRACTORS,
    Observation as Observation,
    Portrait as Portrait,
    attractor as attractor,
)
from .fixed_points import (
    PeriodicOrbit as PeriodicOrbit,
    fixed_points as fixed_points,
    periodic_orbits as periodic_orbits,
)
from .mean_slopes import mean_slope as mean_slope
from .orbits import lyapunov_exponents as lyapunov_exponents, trajectory as trajectory
from .spectrum import (
    LayerSpectrum as LayerSpectrum,
    eigenvalues as eigenvalues,
    layer_spectra as layer_spectra,
    singular_values as singular_values,
    spectral_radius as spectral_radius,
)
