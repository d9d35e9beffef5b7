"""The figures of the atlas: the published ones from the models of Table 1, and an overview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.output import Output
from experiments.spectral_atlas.models import (
    ACTIVATIONS,
    BOX,
    CONSTRAINTS,
    DEPTHS,
    Constraint,
    Model,
    Weights,
    network,
)
from lbdnn import Box, activations, spectra
from lbdnn.plotting import atlas as drawing
from lbdnn.plotting.portraits import Row, portraits

REAL, COMPLEX, SPECTRAL = "Gershgorin, real", "Gershgorin, complex", "spectral"
_INNER, _NEAR, _ABOVE = (0.0, 1.0), (0.99, 1.0), (0.99, 1.1)


def _model(
    factorization: str, activation: str, depth: int, own: tuple[float, float], bias: bool = False
) -> Model:
    return Model(Constraint(factorization, own), depth, activation, bias)


# Table 1 of the paper; what its figures call the panels.
PUBLISHED: dict[str, tuple[tuple[Row, ...], int | None, list[tuple[str, Model]]]] = {
    "figure_2": (("phase", "spectrum"), None, [
        ("asymptotically stable", _model(REAL, "tanh", 8, _NEAR)),
        ("BIBO stable", _model(SPECTRAL, "tanh", 8, _ABOVE)),
        ("unstable", _model(REAL, "softplus", 8, (1.0, 1.01), True)),
    ]),
    "figure_3": (("radius",), None, [
        ("ReLU", _model(COMPLEX, "relu", 4, _INNER)),
        ("tanh", _model(REAL, "tanh", 4, _INNER)),
        ("SELU", _model(SPECTRAL, "selu", 4, _INNER)),
        ("logistic", _model(REAL, "logistic", 4, _INNER)),
    ]),
    "figure_4": (("phase",), None, [
        ("with bias", _model(COMPLEX, "relu", 1, _INNER, True)),
        ("without bias", _model(COMPLEX, "relu", 1, _INNER)),
    ]),
    "figure_5": (("spectrum",), 3, [
        *((f"stable, depth {d}", _model(COMPLEX, "gelu", d, _INNER)) for d in DEPTHS),
        *((f"edge of stability, depth {d}", _model(COMPLEX, "gelu", d, _NEAR)) for d in DEPTHS),
        *((f"unstable, depth {d}", _model(REAL, "gelu", d, _ABOVE, True)) for d in DEPTHS),
    ]),
    "figures_6_7_8": (("phase", "radius", "spectrum"), None, [
        ("single point", _model(REAL, "relu", 1, _INNER)),
        ("multiple points", _model(REAL, "selu", 1, (-1.5, -1.1), True)),
        ("line", _model("Perron-Frobenius", "relu", 1, (1.0, 1.0))),
        ("limit cycle", _model(SPECTRAL, "tanh", 8, _ABOVE)),
        ("chaotic", _model(SPECTRAL, "selu", 8, _ABOVE)),
        ("unstable", _model(COMPLEX, "softplus", 1, _ABOVE)),
    ]),
}  # fmt: skip


def draw_published(
    weights: Weights, size: int, seed: int, output: Output, *, quick: bool = False
) -> None:
    """Figures 2 to 8, each panel headed by the paper's word and by what its orbits did here."""
    for name, (rows, columns, panels) in PUBLISHED.items():
        drawn = [
            _portrait(title, model, weights, size, seed)
            for title, model in panels
            if model.depth == 1 or not quick
        ]
        if drawn:
            output.figure(name, portraits(drawn, rows, columns))


def _portrait(
    title: str, model: Model, weights: Weights, size: int, seed: int
) -> spectra.PlanarPortrait:
    net, theta = network(*model.structure), weights.theta(model)
    found = spectra.planar_portrait(
        net, theta, Box(-BOX, BOX), points=size, form="paper", seed=seed
    )
    return replace(found, title=f"{title}\n(here: {found.kind})")


def draw_overview(found: Mapping[Model, Mapping[str, Any]], output: Output) -> None:
    """All models on one page."""
    kinds = list(drawing.KIND_COLOURS)
    columns = [(a, d, bias) for a in ACTIVATIONS for d in DEPTHS for bias in (True, False)]
    index = -np.ones((len(CONSTRAINTS), len(columns)), int)
    radii = np.full(index.shape, np.nan)
    for model, row in found.items():
        i = CONSTRAINTS.index(model.constraint)
        j = columns.index((model.activation, model.depth, model.bias))
        index[i, j], radii[i, j] = kinds.index(row["attractor"]), row["largest_radius"]
    kept = np.any(index >= 0, 0)
    groups: list[tuple[str, Sequence[str]]] = []
    for activation in ACTIVATIONS:
        own = [
            f"{d} layer{'s' * (d > 1)}{', bias' * bias}"
            for (a, d, bias), shown in zip(columns, kept, strict=True)
            if a == activation and shown
        ]
        if own:
            groups.append((activation, own))
    rows = list(map(str, CONSTRAINTS))
    output.figure("overview", drawing.overview(index[:, kept], radii[:, kept], rows, groups))


def draw_activations(output: Output) -> None:
    """Figure 1, for every activation of the library."""
    found = [spectra.activation_stability(activations.get(n)) for n in activations.names()]
    table = [
        {
            "activation": one.activation.spec,
            "value_at_zero": one.value_at_zero,
            "lipschitz_constant": one.lipschitz,
            "largest_ratio": one.ratio,
            "contracting": one.contracting,
            "contracting_outside_an_interval": one.outside,
        }
        for one in found
    ]
    output.table("activations", table)
    output.figure("figure_1", drawing.activations(found))
