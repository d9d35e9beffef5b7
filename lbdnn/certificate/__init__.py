"""What was asked of a network, what was shown, and how."""

from .certificate import MEANINGS as MEANINGS, Bound as Bound, Certificate as Certificate
from .fingerprint import fingerprint as fingerprint
from .stored import load_certificate as load_certificate
