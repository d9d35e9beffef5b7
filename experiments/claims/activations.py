"""Lemmas 8 and 10 of Drgoňa et al. (2020), and the lists beneath figure 1."""

from __future__ import annotations

from experiments.claims.claim import Claim
from lbdnn import activations, spectra

# Footnotes 1 to 3. APLU has parameters that are learned; the library's usual ones are taken.
STABLE = (
    "soft_exponential", "blu", "prelu", "relu", "gelu", "rrelu", "hardtanh", "relu6", "tanh",
    "elu", "celu", "hardshrink", "leaky_relu", "softshrink", "softsign", "tanhshrink",
)  # fmt: skip
UNSTABLE = (
    "aplu", "pelu", "logistic", "hardsigmoid", "hardswish", "selu", "logsigmoid", "softplus",
)  # fmt: skip
BOUNDED = ("logistic", "hardsigmoid")


def _seen(name: str) -> spectra.ActivationStability:
    return spectra.activation_stability(activations.get(name))


def lipschitz() -> Claim:
    seen = {name: _seen(name) for name in STABLE}
    return Claim(
        "lemma-8",
        "Drgoňa et al. (2020), lemma 8",
        "If ς(0) = 0 and ς has a Lipschitz constant K < 1, then |ς(z)/z| < 1 for all z: the "
        "activation is asymptotically stable. The 16 activations of footnote 1 are of this kind.",
        "The lemma is true if the implication holds; the list is right if every activation in it "
        "meets the lemma's conditions, for its usual parameters.",
        "holds with a correction",
        "|ς(z)| = |ς(z) − ς(0)| ≤ K|z| (the proof writes '=' where '≤' is meant). But K < 1 holds "
        "for none of the 16: K = 1 for most, 1.129 for GELU, ∞ for the hard shrinkage (it jumps). "
        "ReLU, and all that are the identity on a half-line, keep every point of it: they are "
        "stable, not asymptotically.",
        "If ς(0) = 0, |ς(z)/z| ≤ 1 suffices for |ς(z)| ≤ |z|, and < 1 for every z ≠ 0, ς "
        "continuous, for ςᵏ(z) → 0. |ς(z)/z| ≤ 1 holds for SiLU and mish (K = 1.100, 1.089), and "
        "for all 16 with the library's usual parameters, which make SoftExponential and BLU the "
        "identity; BLU with β = ½ has K = sup|ς(z)/z| = 1.5, SoftExponential with α ≠ 0 has ς(0) ≠ "
        "0, and PReLU needs |slope| ≤ 1. (The caption of figure 1 asks for K ≤ 1: that leaves out "
        "GELU and the hard shrinkage only.)",
        {
            "K = sup |ς'|": {name: one.lipschitz for name, one in seen.items()},
            "sup |ς(z)/z|": {name: one.ratio for name, one in seen.items()},
            "with K < 1": [name for name, one in seen.items() if one.lipschitz < 1],
        },
    )


def unstable_regions() -> Claim:
    seen = {name: _seen(name) for name in UNSTABLE}
    wrong = [name for name, one in seen.items() if one.ratio <= 1]
    return Claim(
        "footnote-2",
        "Drgoňa et al. (2020), figure 1 and footnote 2",
        "APLU, PELU, sigmoid, hard sigmoid, hard swish, SELU, log-sigmoid and softplus have "
        "regions where |ς(z)/z| > 1.",
        "Right for an activation with |ς(z)/z| > 1 at some z, for the usual parameters.",
        "holds with a correction",
        "hard swish is z·clip((z + 3)/6, 0, 1): |ς(z)/z| ≤ 1 everywhere. PELU with its usual "
        "parameters is ELU, which footnote 1 calls stable; others can be unstable. The rest of "
        "the list is right.",
        "APLU (with its usual parameters), sigmoid, hard sigmoid, SELU, log-sigmoid, softplus.",
        {
            "sup |ς(z)/z|": {name: one.ratio for name, one in seen.items()},
            "|ς(z)/z| ≤ 1 on, within ±1000": {name: one.contracting for name, one in seen.items()},
            "without such a region": wrong,
        },
    )


def bounded() -> Claim:
    seen = {name: _seen(name) for name in activations.names()}
    outside = [name for name, one in seen.items() if one.outside]
    return Claim(
        "lemma-10",
        "Drgoňa et al. (2020), lemma 10 and footnote 3",
        "If |ς(z)/z| ≤ 1 outside a bounded interval, the activation is BIBO stable, and thus will "
        "not cause gradients to explode.",
        "As a statement on z ↦ ς(z) iterated: true if every orbit stays bounded. As a statement on "
        "networks: false if a network of such activations has an unbounded orbit.",
        "holds with a correction",
        "For ς bounded on bounded sets: outside the interval |ς(z)| ≤ |z|, inside |ς(z)| ≤ m, so "
        "|z_k| ≤ max(|z_0|, m). That is all: ReLU satisfies the condition, and x ↦ ReLU(2x) runs "
        "away; weights decide. As a static map of inputs to outputs every ς that is bounded on "
        "bounded sets is BIBO stable. The list of footnote 3 is far too short. "
        "(softplus(z) > z for every z, and |log-sigmoid(z)| > |z| for z < 0, though by less than "
        "1e-14 |z| beyond |z| = 28.9; their iterates grow without bound, as ln k.)",
        "The iterates of ς alone stay bounded. For a network, bounded activations give bounded "
        "orbits whatever the weights.",
        {
            "activations that meet the condition (within ±1000, to 1e-14)": outside,
            "of footnote 3": {name: seen[name].outside for name in BOUNDED},
        },
    )
