"""Training with every learning rate and margin, judged on the images kept for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from experiments.robustness.digits import Split
from lbdnn.networks import Chain, Theta
from lbdnn.search import ProjectedGradient
from lbdnn.structured.classifiers import Classifier, train

# Of validation: cheaper than that of the test, and alike for all models.
_ATTACK = ProjectedGradient("2", steps=10, restarts=3)
VALIDATION_RADII = (0.25, 0.5)
# Several of the 1078 images left for training a step.
_BATCH = 256


class Trial(NamedTuple):
    """What is tried: a learning rate and the margin that the loss asks for."""

    rate: float
    margin: float


@dataclass(frozen=True)
class Plan:
    """The same for every model. Lanes are trials × seeds, the seeds of one trial together."""

    trials: tuple[Trial, ...]
    seeds: int
    epochs: int
    seed: int = 0


class Judged(NamedTuple):
    """Of each trial and seed, on validation: accuracy, and attacked accuracy, a mean over radii."""

    clean: Float[np.ndarray, "trials seeds"]
    attacked: Float[np.ndarray, "trials seeds"]


class Logits(eqx.Module):
    """A network with its weights as one function of an image; compiled once for all weights."""

    net: Chain = eqx.field(static=True)
    theta: Theta

    def __call__(self, image: Float[Array, "8 8"]) -> Float[Array, " k"]:
        return self.net(self.theta, image.ravel())


def trained(
    classifier: Classifier, splits: Sequence[Split], plan: Plan, kept: Path
) -> tuple[Any, np.ndarray]:
    """Parameters with a leading axis of lanes, and which lanes did not fail.

    Interrupted, the next call goes on from the file `kept`. Initial weights, the order of images
    and the split depend on the seed alone: they are the same for all trials and models.
    """
    lanes = len(plan.trials)
    keys = jax.vmap(jax.random.key)(plan.seed + jnp.arange(plan.seeds))
    found = train(
        classifier,
        np.concatenate([[one.train.images for one in splits]] * lanes),
        np.concatenate([[one.train.labels for one in splits]] * lanes),
        keys=jnp.concatenate([keys] * lanes),
        epochs=plan.epochs,
        batch=min(_BATCH, len(splits[0].train.labels)),
        rate=np.repeat([trial.rate for trial in plan.trials], plan.seeds),
        margin=np.repeat([trial.margin for trial in plan.trials], plan.seeds),
        checkpoint=kept,
        progress=False,
    )
    return found.parameters, found.failed < 0


def lane(parameters: Any, number: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[number], parameters)


def judged(
    classifier: Classifier, parameters: Any, whole: np.ndarray, splits: Sequence[Split], plan: Plan
) -> Judged:
    """All lanes on the images for validation; a lane that failed counts as always wrong."""
    net = jax.jit(lambda own: classifier.unrolled(own)[1])
    chain = classifier.unrolled(classifier.init(jax.random.key(0)))[0]
    rows = []
    for number in range(len(plan.trials) * plan.seeds):
        if not whole[number]:
            rows.append((0.0, 0.0))
            continue
        images, labels = splits[number % plan.seeds].validation
        logits = Logits(chain, net(lane(parameters, number)))
        found = _ATTACK.smallest(logits, images, labels, VALIDATION_RADII)
        clean, *attacked = found.accuracy([0.0, *VALIDATION_RADII])
        rows.append((float(clean), float(np.mean(attacked))))
    both = np.array(rows).reshape(len(plan.trials), plan.seeds, 2)
    return Judged(both[..., 0], both[..., 1])
