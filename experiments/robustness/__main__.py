"""What networks that are stable by construction gain on images: certified and attacked accuracy.

Five classifiers of handwritten digits with equal numbers of parameters: an unconstrained ResNet, a
naively normalised one, a non-expansive flow, and expansive and contractive steps in turn, with the
published and with the sharp constants; on request a non-expansive flow with convolutions, too. All
are trained with a hinge loss at the same rates and margins, which are chosen on images kept for
validation; the test images are used once. Paired over seeds, each of which has its own split,
initial weights and order.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import tyro

from experiments.concurrency import finished_pieces, leave
from experiments.output import Output
from experiments.robustness import answer, choice, figures
from experiments.robustness.digits import Split, digits, split
from experiments.robustness.measurement import RADII, TOLD, Measured, measured
from experiments.robustness.models import FLOWS, REFERENCE, REFINED, models
from experiments.robustness.trials import Judged, Plan, Trial, judged, lane, trained
from lbdnn.search import ProjectedGradient
from lbdnn.structured.classifiers import Classifier, parameter_count


@dataclass(frozen=True)
class Settings:
    quick: bool = False
    """Two seeds, two trials, few epochs, few images, a weak attack, a smaller network."""
    seeds: int = 10
    """Splits of the images, with initial weights each."""
    rates: tuple[float, ...] = (0.01, 0.03)
    """Learning rates that are tried."""
    margins: tuple[float, ...] = (0.2, 0.5, 1.0, 3.0)
    """Margins that are tried, in units of the logits."""
    epochs: int = 30
    """Of each training."""
    pairs: int = 2
    """Pairs of square weight matrices in each network."""
    convolutional: bool = False
    """The flow with convolutions, too: some minutes more."""
    seed: int = 0
    """Of the first split; the others follow."""
    output: Path = Path("results/robustness")
    """Folder of the results, and of what is kept to go on from after an interruption."""


def main() -> int:
    settings = tyro.cli(Settings, prog="robustness", description=__doc__)
    try:
        _check(settings)
        return run(settings, Output(settings.output, asdict(settings)))
    except (ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _check(settings: Settings) -> None:
    if min(settings.seeds, settings.epochs, settings.pairs) < 1 or settings.seed < 0:
        raise ValueError("--seeds, --epochs and --pairs take numbers >= 1, --seed one >= 0")
    numbers = (*settings.rates, *settings.margins)
    if not settings.rates or not settings.margins or not all(0 < x < np.inf for x in numbers):
        raise ValueError("--rates and --margins take positive numbers")


def run(settings: Settings, output: Output) -> int:
    """Trains, chooses, measures, answers; the exit status."""
    plan, pairs, attacks = _plan(settings)
    every = digits()
    splits = [split(every, plan.seed + k) for k in range(plan.seeds)]
    if settings.quick:
        splits = [one.judged_by(64) for one in splits]
    compared = models(pairs, convolutional=settings.convolutional)
    count = sorted({parameter_count(one) for one in compared.values()})
    sizes = " / ".join(str(len(part.labels)) for part in splits[0])
    print(f"{len(compared)} models of {' or '.join(map(str, count))} parameters; {sizes} images")
    parameters, found = _tuned(compared, splits, plan, output.folder)
    if found:
        output.table("trials", _trial_rows(found, plan))
    if len(found) < len(compared):
        _interrupted(output)
    own = {name: choice.best(one) for name, one in found.items()}
    same = choice.comparisons(found, _pairs())
    wanted = list(own.items())
    wanted += [(a, i) for pair, at in same.items() for a, i in zip(pair, at, strict=True)]
    work: dict[Hashable, Callable[[], Any]] = {
        (name, i): partial(_networks, compared[name], parameters[name], i, splits, attacks)
        for name, i in dict.fromkeys(wanted)
    }
    networks = dict(finished_pieces(work, "test"))
    if len(networks) < len(work):
        _interrupted(output)
    _tell(networks, own, same, plan, output)
    figures.draw(networks, own, found, plan, splits[0].test, output)
    print(f"results in {output.folder}")
    return 0


def _interrupted(output: Output) -> NoReturn:
    print(f"interrupted; what is trained is kept in {output.folder}: the same call goes on")
    leave(130)


def _plan(settings: Settings) -> tuple[Plan, int, dict[str, ProjectedGradient]]:
    rates, margins, epochs, seeds = (
        settings.rates,
        settings.margins,
        settings.epochs,
        settings.seeds,
    )
    pairs, steps, restarts = settings.pairs, 50, 10
    if settings.quick:
        rates, margins, epochs, seeds = rates[-1:], margins[1:3], 10, 2
        pairs, steps, restarts = 1, 10, 3
    trials = tuple(Trial(rate, margin) for rate in rates for margin in margins)
    norms = ("2", "maximum")
    attacks = {n: ProjectedGradient(n, steps=steps, restarts=restarts) for n in norms}
    return Plan(trials, seeds, epochs, settings.seed), pairs, attacks


def _pairs() -> list[tuple[str, str]]:
    """Each flow against the ResNet, and against what it refines."""
    return [*((name, REFERENCE) for name in FLOWS), *REFINED]


def _tuned(
    compared: Any, splits: Sequence[Split], plan: Plan, folder: Path
) -> tuple[dict[str, Any], dict[str, Judged]]:
    """Parameters of all lanes, and how they do on validation, of the models that were finished."""

    def piece(name: str, classifier: Classifier) -> tuple[Any, Judged]:
        # Other settings have files of their own.
        mark = zlib.crc32(repr((plan, classifier)).encode())
        kept = folder / "kept" / f"{name.replace(', ', '_').replace(' ', '_')}-{mark:08x}.npz"
        kept.parent.mkdir(exist_ok=True)
        own, whole = trained(classifier, splits, plan, kept)
        return own, judged(classifier, own, whole, splits, plan)

    work: dict[Hashable, Callable[[], Any]] = {
        name: partial(piece, name, one) for name, one in compared.items()
    }
    done = dict(finished_pieces(work, "training"))
    done = {name: done[name] for name in compared if name in done}
    return {n: own for n, (own, _) in done.items()}, {n: one for n, (_, one) in done.items()}


def _networks(
    classifier: Classifier,
    parameters: Any,
    trial: int,
    splits: Sequence[Split],
    attacks: dict[str, ProjectedGradient],
) -> list[Measured]:
    """The networks of all seeds of one trial on their test images."""
    return [
        measured(classifier, lane(parameters, trial * len(splits) + k), one.test, attacks)
        for k, one in enumerate(splits)
    ]


def _trial_rows(found: dict[str, Judged], plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "model": name,
            **trial._asdict(),
            "validation_clean": float(own.clean[i].mean()),
            "validation_attacked": float(own.attacked[i].mean()),
        }
        for name, own in found.items()
        for i, trial in enumerate(plan.trials)
    ]


def _tell(networks: Any, own: dict[str, int], same: Any, plan: Plan, output: Output) -> None:
    """Tables, and a short summary."""
    table = []
    for (name, i), nets in networks.items():
        for k, net in enumerate(nets):
            shared = {"model": name, **plan.trials[i]._asdict(), "seed": plan.seed + k}
            shared |= {"chosen": i == own[name], "clean": float(np.mean(net.correct))}
            for kind, curve in net.accuracies().items():
                radii = RADII["maximum" if "maximum" in kind else "2"]
                table += [
                    shared | {"kind": kind, "radius": radius, "accuracy": float(value)}
                    for radius, value in zip(radii, curve, strict=True)
                ]
    output.table("accuracy", table)
    gains = answer.rows(networks, same)
    output.table("differences", gains)
    wrong = sum(net.contradictions() for nets in networks.values() for net in nets)
    count = sum(len(nets) for nets in networks.values())
    print("\nat its best on validation      rate  margin   clean %  certified %   attacked %  ℓ∞ %")
    print(f"{'':53}at ℓ₂ 0.3     at ℓ₂ 0.5   at 0.1")
    for name, i in own.items():
        means = {kind: 100 * own.mean(0) for kind, own in answer.curves(networks[name, i]).items()}
        trial = plan.trials[i]
        values = [
            means[kind][RADII["maximum" if "maximum" in kind else "2"].index(radius)]
            for kind, radius in TOLD.items()
        ]
        print(
            f"{name:29}{trial.rate:>7g}{trial.margin:>8g}{means['clean'][0]:>9.1f}"
            + "".join(f"{value:>13.1f}" for value in values[:2])
            + f"{values[2]:>9.1f}"
        )
    print(f"\ncertified ≤ attacked ≤ clean: {wrong} contradictions in {count} networks\n")
    for line in answer.sentences(gains):
        print(line)


if __name__ == "__main__":
    sys.exit(main())
