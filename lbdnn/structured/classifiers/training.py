"""Training of classifiers: compiled, seeded, many at once, and resumable."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Int
from tqdm import tqdm

from . import checkpoint as kept
from .classifier import Classifier, ClassifierParameters
from .margin import checked_labels, hinge

Optimizer = Callable[[optax.Schedule], optax.GradientTransformation]


class Trained(NamedTuple):
    """What training gives; with a leading axis, one entry a key, where several keys were given.

    - `parameters`: the last ones, all of them finite numbers.
    - `losses`: the mean loss of each epoch, (…, epochs); NaN after a failure.
    - `failed`: the epoch, from 0, in which a loss or a gradient was not finite; −1 where none was.
      From there on parameters stay as they were.
    """

    parameters: ClassifierParameters
    losses: Float[np.ndarray, "*s epochs"]
    failed: Int[np.ndarray, "*s"]


def train(
    classifier: Classifier,
    images: Float[ArrayLike, "..."],
    labels: Int[ArrayLike, "*s m"],
    *,
    keys: Array,
    epochs: int,
    batch: int = 128,
    rate: Float[ArrayLike, "*s"] = 1e-2,
    margin: Float[ArrayLike, "*s"] = 1.0,
    optimizer: Optimizer = optax.adam,
    checkpoint: str | os.PathLike[str] | None = None,
    every: int = 10,
    progress: bool = True,
) -> Trained:
    r"""Minimises the mean `hinge` over the images, by batches in an order drawn anew each epoch.

    Several are trained at once, in one compiled program, where `keys` is an array of keys: one for
    each. Equal calls give equal parameters, bit for bit, on one machine.

    **Arguments:**

    - `images`, `labels`: m of them, for all keys; or, with an axis in front, those of each key.
    - `keys`: one key (`jax.random.key`), or (s,): of the first parameters and of the order.
    - `epochs`; `batch`: images a step, at most m; the last ones of an epoch that fill no batch
      are left out, different ones in each.
    - `rate`: of learning, at first; it falls to 0 along half a cosine. One, or one for each key.
    - `margin`: asked for, in units of the logits (`margin_for_radius`). One, or one for each key.
    - `optimizer`: makes an optimiser of a schedule, as `optax.adam` does.
    - `checkpoint`: a file that keeps the state after every so many (`every`) epochs, and when
      training is interrupted (Ctrl-C). The same call goes on from there, and ends with the same
      parameters as if it had not been interrupted.
    - `progress`: a bar where standard error is a terminal and it takes more than two seconds.

    **Raises:** ValueError for images, labels, rates and margins of other shapes, labels out of
    range, numbers that are not positive, and a checkpoint of another training.
    """
    run = _Run(classifier, epochs, min(batch, np.shape(labels)[-1]), optimizer)
    several = jnp.ndim(keys) > 0
    keys = jnp.atleast_1d(keys)
    data = _checked(run, images, labels, rate, margin, len(keys))
    state = _start(run, keys, data)
    losses = np.full((len(keys), epochs), np.nan)
    done = 0
    mark = ""
    if checkpoint is not None:
        mark = kept.mark((run.describe(), jax.random.key_data(keys), data))
        if (found := kept.load(checkpoint, mark, (state, losses))) is not None:
            done, (state, losses) = found
            state = jax.tree.map(jnp.asarray, state)
    hidden = None if progress else True  # None: where standard error is no terminal
    bar = tqdm(total=epochs, initial=done, desc="epochs", delay=2, leave=False, disable=hidden)
    saved = done
    with bar, _one_thread_for_small_matrices():
        try:
            while done < epochs:
                following, loss = _epoch(run, keys, data, state, np.int32(done))
                losses[:, done] = np.asarray(loss)
                state, done = following, done + 1
                bar.update()
                if checkpoint is not None and done % every == 0:
                    kept.save(checkpoint, mark, done, (state, losses))
                    saved = done
        finally:
            if checkpoint is not None and saved < done:
                kept.save(checkpoint, mark, done, (state, losses))
    found = Trained(state.parameters, losses, np.asarray(state.failed))
    return found if several else jax.tree.map(lambda leaf: leaf[0], found)


def _one_thread_for_small_matrices() -> AbstractContextManager[Any]:
    # Factorizations of 64 × 64 matrices take 20 times as long where OpenBLAS shares each of them
    # out to threads that others keep busy.
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1, user_api="blas")


@dataclass(frozen=True)
class _Run:
    classifier: Classifier
    epochs: int
    batch: int
    optimizer: Optimizer

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be a positive integer; got {getattr(self, name)!r}")

    def describe(self) -> str:
        name = getattr(self.optimizer, "__qualname__", repr(self.optimizer))
        return f"{self.classifier} {self.epochs} {self.batch} {name}"


class _Data(NamedTuple):
    images: Array
    labels: Array
    rate: Array
    margin: Array


class _State(NamedTuple):
    parameters: ClassifierParameters
    memory: Any
    failed: Int[Array, " s"]


def _checked(
    run: _Run, images: ArrayLike, labels: ArrayLike, rate: ArrayLike, margin: ArrayLike, keys: int
) -> _Data:
    shape = run.classifier.image
    numbers = jnp.asarray(images, jnp.result_type(images, float))
    classes = checked_labels(labels, run.classifier.classes)
    stacked = classes.shape[:-1]
    if stacked not in ((), (keys,)) or not classes.size:
        raise ValueError(
            f"labels must have shape (m,), or ({keys}, m) for the keys; got {classes.shape}"
        )
    if numbers.shape != (*classes.shape, *shape):
        raise ValueError(
            f"images must have shape {(*classes.shape, *shape)}, one image of shape {shape} a "
            f"label; got {numbers.shape}"
        )
    if not bool(jnp.all(jnp.isfinite(numbers))):
        raise ValueError("images hold NaN or infinity; pass finite ones")
    own = []
    for name, value in (("rate", rate), ("margin", margin)):
        value = np.asarray(value, np.float64)
        if value.shape not in ((), (keys,)) or not np.all((value > 0) & (value < np.inf)):
            raise ValueError(
                f"the {name} must be positive and finite, one number or one for each of {keys} "
                f"keys; got {value.tolist()}"
            )
        own.append(jnp.asarray(np.broadcast_to(value, keys), numbers.dtype))
    return _Data(numbers, classes, *own)


def _optimizer(run: _Run, rate: Array, steps: int) -> optax.GradientTransformation:
    fall = optax.cosine_decay_schedule(1.0, run.epochs * steps)
    return run.optimizer(lambda count: rate * fall(count))


@partial(jax.jit, static_argnums=0)
def _start(run: _Run, keys: Array, data: _Data) -> _State:
    steps = data.labels.shape[-1] // run.batch

    def one(key: Array, rate: Array) -> _State:
        parameters = run.classifier.init(jax.random.fold_in(key, run.epochs))
        parameters = jax.tree.map(lambda leaf: leaf.astype(data.images.dtype), parameters)
        memory = _optimizer(run, rate, steps).init(parameters)
        return _State(parameters, memory, jnp.asarray(-1, jnp.int32))

    return jax.vmap(one)(keys, data.rate)


@partial(jax.jit, static_argnums=0)
def _epoch(
    run: _Run, keys: Array, data: _Data, state: _State, epoch: Int[ArrayLike, ""]
) -> tuple[_State, Float[Array, " s"]]:
    """One epoch of all keys: a scan over steps, the weights computed once a step and key."""
    size = data.labels.shape[-1]
    steps = size // run.batch

    def loss(
        parameters: ClassifierParameters, images: Array, labels: Array, margin: Array
    ) -> Array:
        logits = jax.vmap(run.classifier, (None, 0))(parameters, images)
        return jnp.mean(hinge(logits, labels, margin=margin))

    def one(key: Array, data: _Data, state: _State) -> tuple[_State, Array]:
        optimizer = _optimizer(run, data.rate, steps)

        def step(state: _State, chosen: Array) -> tuple[_State, Array]:
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
            return _State(own, memory, failed), value + jnp.where(taken, 0.0, jnp.nan)

        order = jax.random.permutation(jax.random.fold_in(key, epoch), size)
        chosen = order[: steps * run.batch].reshape(steps, run.batch)
        state, losses = jax.lax.scan(step, state, chosen)
        return state, jnp.mean(losses)

    # One key after the other: on a CPU that takes half the time of one batch of them all, as
    # factorizations are of one matrix each anyway, and states of a scan stay in the cache.
    each = () if data.labels.ndim == 1 else (data.images, data.labels)

    def lane(given: tuple) -> tuple[_State, Array]:
        key, rate, margin, state, own = given
        images, labels = own or (data.images, data.labels)
        return one(key, _Data(images, labels, rate, margin), state)

    return jax.lax.map(lane, (keys, data.rate, data.margin, state, each))
