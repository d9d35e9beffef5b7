"""Certified bounds over sets of inputs and parameters."""

from .certification import certify as certify
from .cover import Interval as Interval
from .dissipativity import Dissipation as Dissipation
from .layerwise import Layerwise as Layerwise
from .method import QUANTITIES as QUANTITIES, Method as Method
from .norm_polynomial import NormPolynomial as NormPolynomial
from .polynomial import Polynomial as Polynomial, polynomials as polynomials, remainder as remainder
from .refined import Refined as Refined
