"""The independent checker: certificates verified in ball arithmetic.

It shares with the methods the network's definition, the sets and the certificate's format, and no
mathematics: activations, enclosures and inequalities are written again for `python-flint` (Arb).
"""

from __future__ import annotations

from ..certificate import Certificate
from ..networks import Chain, Theta
from .verdict import Finding as Finding, Row as Row, Verdict as Verdict


def check(certificate: Certificate, net: Chain, theta: Theta) -> Verdict:
    r"""Whether a certificate's bounds hold for this network, verified in ball arithmetic.

    - The network: by the SHA-256 of its structure and its weights.
    - Lower bounds: the quantity is enclosed at the witness; where rounding put the witness out of a
      set by a relative 1e-9 or less, at the point of the set that it is moved to.
    - Upper bounds: those of `Dissipation` by the inequalities of its proof. Those that bring no
      proof are compared with bounds that the checker finds by itself, from an enclosure and from
      norms of layers: as good as `Layerwise` and, nearly always, `Polynomial`. A smaller bound
      without proof, as of `Interval` or `Refined`, is reported as not verified.

    Everything is done in balls of 128 bits (Arb, Johansson 2017, doi:10.1109/TC.2017.2690633) that
    contain the real numbers: what is called verified is proved, given that Arb is right.

    **Arguments:**

    - `certificate`: from `certify` or `load_certificate`.
    - `net`, `theta`: the network that it is for.

    **Returns:** a `Verdict`: true if every bound is verified, printed as a table with reasons.

    **Raises:** ValueError where python-flint is not installed.
    """
    try:
        import flint  # noqa: F401
    except ImportError:
        raise ValueError(
            "checking certificates needs the arb extra: pip install 'lbdnn[arb]'"
        ) from None
    from .check import checked

    return checked(certificate, net, theta)
