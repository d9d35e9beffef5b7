"""Networks as pointwise affine maps and as dynamics x ↦ Φ(x): spectra, orbits, attractors."""

from .activation_stability import (
    ActivationStability as ActivationStability,
    activation_stability as activation_stability,
    largest_ratio as largest_ratio,
)
from .affine_maps import AffineMap as AffineMap, linearize as linearize
from .attractors import (
    ATTRACTORS as ATTRACTORS,
    Observation as Observation,
    ObservedAttractor as ObservedAttractor,
    attractor as attractor,
    classify as classify,
    observe as observe,
)
from .basins import Basins as Basins, basins as basins
from .fixed_points import (
    PeriodicOrbit as PeriodicOrbit,
    fixed_points as fixed_points,
    periodic_orbits as periodic_orbits,
)
from .grids import grid as grid, grid_chunks as grid_chunks
from .mean_slopes import mean_slope as mean_slope
from .orbits import lyapunov_exponents as lyapunov_exponents, trajectory as trajectory
from .portraits import PlanarPortrait as PlanarPortrait, planar_portrait as planar_portrait
from .spectrum import (
    LayerSpectrum as LayerSpectrum,
    eigenvalues as eigenvalues,
    layer_spectra as layer_spectra,
    singular_values as singular_values,
    spectral_radius as spectral_radius,
)
from .stability import (
    Condition as Condition,
    RegionOfAttraction as RegionOfAttraction,
    StabilityVerdict as StabilityVerdict,
    region_of_attraction as region_of_attraction,
    stability as stability,
)
from .sweep import sweep as sweep
