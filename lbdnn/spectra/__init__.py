"""Networks as pointwise affine maps and as dynamics x ↦ Φ(x): spectra, orbits, attractors."""

from .affine_maps import AffineMap as AffineMap, linearize as linearize
from .mean_slopes import mean_slope as mean_slope
from .spectrum import (
    LayerSpectrum as LayerSpectrum,
    eigenvalues as eigenvalues,
    layer_spectra as layer_spectra,
    singular_values as singular_values,
    spectral_radius as spectral_radius,
)
