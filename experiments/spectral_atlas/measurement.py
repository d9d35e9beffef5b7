"""What the atlas measures of each of its models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.concurrency import finished_pieces
from experiments.spectral_atlas.models import BOX, Model, Weights, network
from lbdnn import Box, spectra
from lbdnn.activations import get
from lbdnn.spectra.affine_maps import Form

# A number computed in float32 that is 1 but for rounding counts as ≤ 1.
ROUNDING = 1e-5
OBSERVATION = spectra.Observation()
LONGER = spectra.Observation(settle=20_000, watch=2_000)  # for those undecided


def grid(points: int) -> np.ndarray:
    """(points², 2): the nodes of a square grid on [−6, 6]², rows of equal x₂ one after another."""
    return spectra.grid(Box(-BOX, BOX), 2, points)[:, ::-1]


def starts(seed: int, count: int = 128) -> np.ndarray:
    """Random, so that none lies on an axis of symmetry."""
    return np.random.default_rng(seed).uniform(-BOX, BOX, (count, 2))


def by_structure(chosen: Sequence[Model]) -> dict[tuple[int, str], list[Model]]:
    """The models of each structure: a compiled program each."""
    groups: dict[tuple[int, str], list[Model]] = defaultdict(list)
    for model in chosen:
        groups[model.structure].append(model)
    return groups


@partial(jax.jit, static_argnames=("nets", "form"))
def sweep_all(
    nets: tuple[Any, ...], thetas: tuple[Any, ...], points: Any, form: Form = "shifted"
) -> tuple[Any, ...]:
    """Eigenvalues of all models of all structures, one compiled program."""
    return tuple(spectra.sweep(n, t, points, form=form) for n, t in zip(nets, thetas, strict=True))


def measured(
    chosen: Sequence[Model], weights: Weights, points: np.ndarray, seed: int
) -> dict[Model, dict[str, Any]]:
    """A row for each model, of those structures that were finished before Ctrl-C."""
    work: dict[Any, Callable[[], Any]] = {
        structure: partial(_measured, structure, own, weights, points, seed)
        for structure, own in sorted(by_structure(chosen).items(), reverse=True)
    }
    found: dict[Model, dict[str, Any]] = {}
    for _, rows in finished_pieces(work, "structures"):
        found |= rows
    return {model: found[model] for model in chosen if model in found}


def _measured(
    structure: tuple[int, str],
    chosen: Sequence[Model],
    weights: Weights,
    points: np.ndarray,
    seed: int,
) -> dict[Model, dict[str, Any]]:
    net, thetas = network(*structure), weights.stacked(chosen)
    at = jnp.asarray(points, jnp.float32)
    eigenvalues = np.asarray(spectra.sweep(net, thetas, at, form="paper"))
    shifted = eigenvalues  # the forms differ only where ς(0) ≠ 0
    if any(activation.value_at_zero for activation in net.activations):
        shifted = np.asarray(spectra.sweep(net, thetas, at))
    observed = _observed(net, thetas, starts(seed), OBSERVATION)
    later = [i for i, p in enumerate(observed) if p.kind == "undecided"]
    if later:
        remaining = jax.tree.map(lambda leaf: leaf[later], thetas)
        again = _observed(net, remaining, starts(seed), LONGER)
        for i, seen in zip(later, again, strict=True):
            observed[i] = seen
    return {
        chosen[i]: _row(chosen[i], weights, eigenvalues[i], shifted[i], seen)
        for i, seen in enumerate(observed)
    }


def _observed(
    net: Any, thetas: Any, points: np.ndarray, observation: spectra.Observation
) -> list[spectra.ObservedAttractor]:
    with jax.enable_x64(True):
        each = jax.vmap(lambda theta: spectra.observe(net, theta, points, observation))
        seen = jax.tree.map(np.asarray, each(jax.tree.map(np.asarray, thetas)))
    count = len(seen.escaped)
    return [
        spectra.classify(jax.tree.map(lambda leaf, i=i: leaf[i], seen), observation)
        for i in range(count)
    ]


def _row(
    model: Model,
    weights: Weights,
    eigenvalues: np.ndarray,
    shifted: np.ndarray,
    seen: spectra.ObservedAttractor,
) -> dict[str, Any]:
    radii = np.abs(eigenvalues).max(-1)
    layers = [own[:, :2] for own in weights.theta(model)[::2]]
    of_layers = [float(np.abs(np.linalg.eigvals(layer)).max()) for layer in layers]
    norms = [float(np.linalg.norm(layer, 2)) for layer in layers]
    scale = spectra.largest_ratio(get(model.activation))
    low, high = model.constraint.range or (None, None)
    necessary = bool(radii.max() <= 1 + ROUNDING)
    sufficient = max(of_layers) <= 1 + ROUNDING and scale <= 1 + ROUNDING
    stable = seen.kind == "single point"
    decided = seen.kind != "undecided"
    return {
        "factorization": model.constraint.factorization,
        "least": low,
        "greatest": high,
        "depth": model.depth,
        "activation": model.activation,
        "bias": model.bias,
        "attractor": seen.kind,
        "necessary_condition": necessary,
        "sufficient_condition": sufficient,
        # Of an implication: only a counterexample disagrees; undecided dynamics say nothing.
        "necessary_agrees": (necessary or not stable) if decided else None,
        "sufficient_agrees": (stable or not sufficient) if decided else None,
        "largest_radius": float(radii.max()),
        "median_radius": float(np.median(radii)),
        "least_radius": float(radii.min()),
        "largest_radius_shifted": float(np.abs(shifted).max()),
        "share_radius_above_1": float(np.mean(radii > 1 + ROUNDING)),
        "share_complex": float(np.mean(np.imag(eigenvalues[:, 0]) != 0)),
        "least_real": float(np.real(eigenvalues).min()),
        "greatest_real": float(np.real(eigenvalues).max()),
        "greatest_imaginary": float(np.imag(eigenvalues).max()),
        "largest_layer_radius": max(of_layers),
        "product_of_layer_radii": float(np.prod(of_layers)),
        "product_of_layer_norms": float(np.prod(norms)),
        "activation_ratio": scale,
        "largest_exponent": seen.largest_exponent,
        "fixed_or_periodic_points": len(seen.points),
        "points": seen.points[:8].tolist(),
        **{f"orbits_{name}": count for name, count in seen.counts.items()},
    }
