"""The independent checker: certificates verified in ball arithmetic.

It shares with the methods the network's definition, the sets and the certificate's format, and no
mathematics: activations, enclosures and inequalities are written again for `python-flint` (Arb).
"""

from __future__ import annotations

from ..certificate import Certificate
from ..networks import Chain, Theta
from .verdict import Finding as Finding, Row as Row, Verdict as Verdict


def check(
    certificate: Certificate, net: Chain, theta: Theta, *, max_cells: int = 100_000
) -> Verdict:
    r"""Whether a certificate's bounds hold for this network, verified by a second program.

    - The network: by the SHA-256 of its structure and its weights.
    - Lower bounds: the quantity is enclosed at the witness; where rounding put the witness out of a
      set by a relative 1e-9 or less, at the point of the set that it is moved to.
    - Upper bounds: those of `Dissipation` by the inequalities of its proof. Those that bring no
      proof are compared with bounds that the checker finds by itself: first from one enclosure of
      everything and from norms of layers, as good as `Layerwise` and, nearly always, `Polynomial`;
      then from enclosures over boxes of inputs, which are halved until each shows the bound. That
      is how bounds of `Interval` and `Refined` are verified. What the boxes do not show is reported
      as not verified.

    Proofs, norms of layers and lower bounds are computed in balls of 128 bits (Arb, Johansson 2017,
    doi:10.1109/TC.2017.2690633) that contain the real numbers; over boxes of inputs, in float64
    with activations from tables that Arb proves and with bounds of all roundings. What is called
    verified is proved, given that Arb is right and float64 is rounded as IEEE 754 says.

    **Arguments:**

    - `certificate`: from `certify` or `load_certificate`.
    - `net`, `theta`: the network that it is for.
    - `max_cells`: how many boxes of inputs are looked at, at most, for each quantity.

    **Returns:** a `Verdict`: true if every bound is verified, printed as a table with reasons.

    **Raises:** ValueError where python-flint is not installed, or `max_cells` is no whole number
    ≥ 1.
    """
    if not isinstance(max_cells, int) or isinstance(max_cells, bool) or max_cells < 1:
        raise ValueError(f"max_cells must be a whole number, at least 1; got {max_cells!r}")
    try:
        import flint  # noqa: F401
    except ImportError:
        raise ValueError(
            "checking certificates needs the arb extra: pip install 'lbdnn[arb]'"
        ) from None
    from .check import checked

    return checked(certificate, net, theta, max_cells)
