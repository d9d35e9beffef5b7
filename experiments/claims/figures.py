"""Pictures of the counterexamples, and of how far published constants are from sharp ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.claims.contraction import STEPS, Constants, attacked
from experiments.claims.theorem_6 import NILPOTENT, SHEAR, layers
from experiments.output import Output
from lbdnn import Box, spectra
from lbdnn.plotting.portraits import portraits
from lbdnn.plotting.style import styled
from lbdnn.structured import flows

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(output: Output) -> None:
    """All figures."""
    drawn = []
    # They meet the sufficient condition of theorem 6.
    for title, weights in (
        ("two layers, ρ(A₀) = ρ(A₁) = ½", SHEAR),
        ("one layer, ρ(A) = 0", (NILPOTENT,)),
    ):
        net, theta = layers("tanh", *weights)
        drawn.append(spectra.planar_portrait(net, theta, Box(-1.5, 1.5), title=title, steps=40))
    output.figure("theorem_6", portraits(drawn))
    output.figure("contraction_constants", constants())


@styled
def constants() -> Figure:
    """Of contractive steps, and the expansive steps that they pay for, over the step h_C."""
    from matplotlib import pyplot

    names: tuple[tuple[Constants, str], ...] = (
        ("published", "#D55E00"),
        ("sharp", "#0072B2"),
    )
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(7.2, 2.8))
    for name, colour in names:
        best = flows.most_contractive_step(constants=name)
        steps = np.sort([*np.linspace(0, 2, 401), best])
        values = np.array([flows.contraction_constant(h, constants=name) for h in steps])
        left.plot(steps, values, color=colour, label=name)
        # No room is left at the ends of this range, where the constant is 1.
        room = steps[values < 1]
        longest = [flows.largest_expansive_step(h, constants=name) for h in room]
        end = 2.0 if name == "sharp" else 1.0
        most = f"{name}: at most {max(longest):.3g}, at $h_C$ = {best:.3g}"
        right.plot([0, *room, end], [0, *longest, 0], color=colour, label=most)
    left.plot(STEPS, attacked(), "k^", label="attained by an attack")
    left.axhline(1, color="black", linewidth=0.8)
    left.set(ylabel="Lipschitz constant", ylim=(0, None))
    left.legend()
    right.set(ylabel="largest expansive step $h_E$", ylim=(0, 2.7))
    for axes in (left, right):
        axes.set(xlabel="contractive step $h_C$", xlim=(0, 2.05))
    right.legend(loc="upper left")
    return figure
