"""What appendix B of Drgoňa et al. (2020) says of the eigenvalues of structured weights."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from experiments.claims.claim import Claim
from lbdnn.structured.weights import Hamiltonian, SkewSymmetric

APPENDIX = "Drgoňa et al. (2020), appendix B"


def _moduli(matrix: np.ndarray) -> list[float]:
    return sorted(np.abs(np.linalg.eigvals(matrix)).tolist(), reverse=True)


def perron_frobenius() -> Claim:
    weight = np.full((2, 2), 0.5)
    return Claim(
        "perron-frobenius-range",
        f"{APPENDIX}, equation (21)",
        "softmax(A') ∘ M has eigenvalues between λ_min and λ_max.",
        "True if all eigenvalues obey it, for all parameters; the sentence before the formula "
        "speaks of the dominant one.",
        "holds with a correction",
        "Every row sum is in [λ_min, λ_max], and for 0 ≤ λ_min the *dominant* eigenvalue lies "
        "between the least and the greatest row sum (Perron, Frobenius). The others do not: equal "
        "shares and M = 1 give the eigenvalues 1 and 0.",
        "For 0 ≤ λ_min the spectral radius is in [λ_min, λ_max], and ‖W‖_∞ ≤ λ_max. ‖W‖₂ may be "
        "larger: shares near [[1, 0], [1, 0]] with M = 1 have ρ = 1 and ‖W‖₂ near √2.",
        {"λ_min = λ_max = 1, weight": weight.tolist(), "|λ|": _moduli(weight)},
    )


def singular_values() -> Claim:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    weight = turn @ np.diag([0.2, 0.9])
    sheared = np.array([[1.0, 0.3], [0.0, 1.0]]) @ np.diag([1.0, 1.0])
    return Claim(
        "spectral-range",
        f"{APPENDIX}, equations (22) and (23)",
        "U Σ̃ V has singular values, and by extension eigenvalues, between λ_min and λ_max.",
        "True if singular values are in the range, and moduli of eigenvalues too, for all "
        "parameters that the construction admits.",
        "holds with a correction",
        "For orthogonal U, V the singular values are |Σ̃|, and σ_min ≤ |λ| ≤ σ_max for a square "
        "matrix. But the penalty (22) only asks for orthogonality: for other U, V nothing is "
        "bounded; and it is |λ| that is bounded, eigenvalues may be negative or complex.",
        "With exactly orthogonal factors (Cayley, exponential, Householder), "
        "min|Σ̃| ≤ |λ| ≤ max|Σ̃|.",
        {
            "orthogonal factors, σ = (0.9, 0.2), |λ|": _moduli(weight),
            "U = [[1, 0.3], [0, 1]] (penalty > 0), Σ̃ = V = I, singular values": np.linalg.svd(
                sheared, compute_uv=False
            ).tolist(),
        },
    )


def skew_symmetric() -> Claim:
    family = SkewSymmetric(2, damping=0.1)
    weight = np.asarray(family(jnp.array([3.0])), float)
    return Claim(
        "skew-symmetric",
        f"{APPENDIX}, equation (24), with theorem 6",
        "L − Lᵀ − γI is a weight with stable eigenvalues, as theorem 6 asks for.",
        "True if ρ ≤ 1 for all parameters.",
        "false",
        "Its eigenvalues are −γ ± iω: in the left half-plane, which is what a *flow* ẋ = Wx needs "
        "(Haber and Ruthotto 2017), but outside the unit circle for |ω| > √(1 − γ²): the *map* "
        "x ↦ Wx is unstable.",
        "Re λ = −γ. As a step x + hWx of a flow |1 + hλ|² = (1 − hγ)² + h²ω².",
        {"γ = 0.1, L = 3, |λ|": _moduli(weight)},
    )


def hamiltonian() -> Claim:
    block = jnp.array([[2.0]])
    weight = np.asarray(Hamiltonian(2)(block), float)
    form = np.array([[0.0, 1.0], [-1.0, 0.0]])
    return Claim(
        "hamiltonian",
        f"{APPENDIX}, equation (25)",
        "[[0, A], [−Aᵀ, 0]] is symplectic, stable regardless of A, and has the dominant "
        "eigenvalue 1.",
        "True if WᵀJW = J and ρ(W) = 1 for all A.",
        "false",
        "It is skew-symmetric with eigenvalues ±iσ_k(A): ρ(W) = ‖A‖. It is symplectic "
        "only if A² = I, and all its eigenvalues have modulus 1 only if A is orthogonal: two "
        "different conditions.",
        "exp(hW) is orthogonal; if A = Aᵀ, W is Hamiltonian (JW symmetric), so exp(hW) is "
        "symplectic.",
        {
            "A = 2, |λ|": _moduli(weight),
            "WᵀJW": (weight.T @ form @ weight).tolist(),
        },
    )


def gershgorin() -> Claim:
    # M with s_j the sums of columns, as printed.
    entries = np.array([[0.0, 0.9, 0.9], [0.1, 0.0, 0.1], [0.1, 0.1, 0.0]])
    columns = entries.sum(0)
    printed = np.diag(1 / columns) @ entries
    return Claim(
        "gershgorin-range",
        f"{APPENDIX}, equation (26)",
        "diag(r/s) M + λI, with s_j = Σ_{i≠j} m_ij, has all eigenvalues within r of λ.",
        "True if all eigenvalues obey it, for all M with entries in [0, 1] and zero diagonal.",
        "holds",
        "By another argument than the one given: the printed s_j are sums of columns while "
        "diag(r/s) scales rows, so the discs of this matrix may be larger than r. But it is "
        "similar to M diag(r/s) + λI, whose columns have sums r off the diagonal. With sums of "
        "rows, as the sentence before the formula has it, the discs are r at once. Which M give "
        "real and which complex eigenvalues the text does not say. In two dimensions sums of "
        "rows leave one weight, [[λ, r], [r, λ]], whatever M is, and the printed sums of "
        "columns [[λ, r m₁₂/m₂₁], [r m₂₁/m₁₂, λ]]; the eigenvalues are λ ± r in both.",
        "",
        {
            "M": entries.tolist(),
            "r = 1, λ = 0: radii of the discs, printed formula": printed.sum(1).tolist(),
            "|λ_i|": _moduli(printed),
        },
    )
