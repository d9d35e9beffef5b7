"""Epochs of training as compiled programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int

from ..weights.parametrization import store_sizes
from .classifier import Classifier, ClassifierParameters
from .margin import hinge

if TYPE_CHECKING:
    import optax

    Optimizer = Callable[[optax.Schedule], optax.GradientTransformation]


@dataclass(frozen=True)
class Run:
    """What stays the same in all epochs, and for all keys."""

    classifier: Classifier
    epochs: int
    batch: int
    optimizer: Optimizer

    def __post_init__(self) -> None:
        store_sizes(self, "epochs", "batch")
        if not isinstance(self.classifier, Classifier):
            raise ValueError(f"what is trained must be a Classifier; got {self.classifier!r}")
        if not callable(self.optimizer):
            raise ValueError(
                "optimizer must make one of a schedule of rates, as optax.adam does; got "
                f"{self.optimizer!r}"
            )

    def describe(self) -> str:
        return f"{self.classifier} {self.epochs} {self.batch} {_told(self.optimizer)}"


def _told(function: Any) -> str:
    # By name: an address is another one in every process.
    if isinstance(function, partial):
        return f"{_told(function.func)} {function.args} {sorted(function.keywords.items())}"
    return f"{function.__module__}.{function.__qualname__}"


class Data(NamedTuple):
    """(…, m, *image), (…, m), (s,), (s,)."""

    images: Array
    labels: Array
    rate: Array
    margin: Array


class State(NamedTuple):
    """Of all keys: `memory` is the optimiser's; `failed` as in `Trained`."""

    parameters: ClassifierParameters
    memory: Any
    failed: Int[Array, " s"]


def _optimizer(run: Run, rate: Array, steps: int) -> optax.GradientTransformation:
    import optax

    fall = optax.cosine_decay_schedule(1.0, run.epochs * steps)
    return run.optimizer(lambda count: rate * fall(count))


@partial(jax.jit, static_argnums=0)
def start(run: Run, keys: Array, data: Data) -> State:
    """Before the first epoch."""
    steps = data.labels.shape[-1] // run.batch

    def one(key: Array, rate: Array) -> State:
        parameters = run.classifier.init(jax.random.fold_in(key, run.epochs))
        parameters = jax.tree.map(lambda leaf: leaf.astype(data.images.dtype), parameters)
        memory = _optimizer(run, rate, steps).init(parameters)
        return State(parameters, memory, jnp.asarray(-1, jnp.int32))

    return jax.vmap(one)(keys, data.rate)


@partial(jax.jit, static_argnums=0)
def next_epoch(
    run: Run, keys: Array, data: Data, state: State, epoch: Int[ArrayLike, ""]
) -> tuple[State, Float[Array, " s"]]:
    """One epoch of all keys: a scan over steps, the weights computed once a step and key."""
    import optax

    size = data.labels.shape[-1]
    steps = size // run.batch

    def loss(
        parameters: ClassifierParameters, images: Array, labels: Array, margin: Array
    ) -> Array:
        logits = jax.vmap(run.classifier, (None, 0))(parameters, images)
        return jnp.mean(hinge(logits, labels, margin=margin))

    def one(key: Array, data: Data, state: State) -> tuple[State, Array]:
        optimizer = _optimizer(run, data.rate, steps)

        def step(state: State, chosen: Array) -> tuple[State, Array]:
            value, slope = jax.value_and_grad(loss)(
                state.parameters, data.images[chosen], data.labels[chosen], data.margin
            )
            change, memory = optimizer.update(slope, state.memory, state.parameters)
            moved = optax.apply_updates(state.parameters, change)
            numbers = jax.tree.leaves((value, moved))
            finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(number)) for number in numbers]))
            going = state.failed < 0
            failed = jnp.where(going & ~finite, epoch, state.failed)
            taken = going & finite
            own, memory = jax.tree.map(
                lambda new, old: jnp.where(taken, new, old),
                (moved, memory),
                (state.parameters, state.memory),
            )
            return State(own, memory, failed), value + jnp.where(taken, 0.0, jnp.nan)

        order = jax.random.permutation(jax.random.fold_in(key, epoch), size)
        chosen = order[: steps * run.batch].reshape(steps, run.batch)
        state, losses = jax.lax.scan(step, state, chosen)
        return state, jnp.mean(losses)

    # One key after the other: on a CPU that takes half the time of one batch of them all, as
    # factorizations are of one matrix each anyway, and states of a scan stay in the cache.
    each = () if data.labels.ndim == 1 else (data.images, data.labels)

    def lane(given: tuple) -> tuple[State, Array]:
        key, rate, margin, state, own = given
        images, labels = own or (data.images, data.labels)
        return one(key, Data(images, labels, rate, margin), state)

    return jax.lax.map(lane, (keys, data.rate, data.margin, state, each))
