"""Training of classifiers: compiled, seeded, many at once, and resumable."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from . import checkpoint as kept, epochs as compiled
from .classifier import Classifier, ClassifierParameters
from .epochs import Data, Run
from .margin import checked_labels

if TYPE_CHECKING:
    from .epochs import Optimizer


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
    optimizer: Optimizer | None = None,
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
    - `optimizer`: makes an optimiser of a schedule, as `optax.adam`, the default, does, or a
      `functools.partial` of such. A checkpoint knows it by its name and the partial's arguments.
    - `checkpoint`: a file that keeps the state after every so many (`every`) epochs, and when
      training is interrupted (Ctrl-C). The same call goes on from there, and ends with the same
      parameters as if it had not been interrupted.
    - `progress`: a bar where standard error is a terminal and it takes more than two seconds.

    **Raises:** ValueError for arguments of other types, images, labels, rates and margins of other
    shapes, labels out of range, numbers that are not positive, and a checkpoint of another
    training.
    """
    import optax
    from tqdm import tqdm

    size = np.shape(labels)[-1] if np.ndim(labels) else 0
    if size == 0:
        raise ValueError(f"labels must have shape (m,), one or more; got {np.shape(labels)}")
    run = Run(classifier, epochs, batch, optax.adam if optimizer is None else optimizer)
    run = replace(run, batch=min(run.batch, size))
    if not isinstance(every, int | np.integer) or every < 1:
        raise ValueError(f"every must be a positive number of epochs; got {every!r}")
    if not isinstance(checkpoint, str | os.PathLike | None):
        raise ValueError(f"checkpoint must be the path of a file; got {checkpoint!r}")
    if not _are_keys(keys):
        raise ValueError(
            "keys must be jax.random.key(seed), or an array (s,) of such; got "
            f"{np.shape(keys)} of type {getattr(keys, 'dtype', type(keys).__name__)}"
        )
    several = jnp.ndim(keys) > 0
    keys = jnp.atleast_1d(keys)
    data = _checked(run, images, labels, rate, margin, len(keys))
    reached = (compiled.start(run, keys, data), 0)
    losses = np.full((len(keys), epochs), np.nan)
    mark = ""
    if checkpoint is not None:
        mark = kept.mark((run.describe(), jax.random.key_data(keys), data))
        if (found := kept.load(checkpoint, mark, (reached[0], losses))) is not None:
            done, (state, losses) = found
            reached = (jax.tree.map(jnp.asarray, state), done)
    hidden = None if progress else True  # None: where standard error is no terminal
    bar = tqdm(
        total=epochs, initial=reached[1], desc="epochs", delay=2, leave=False, disable=hidden
    )
    saved = reached[1]
    with bar, _one_thread_for_small_matrices():
        try:
            while reached[1] < epochs:
                state, done = reached
                following, loss = compiled.next_epoch(run, keys, data, state, np.int32(done))
                losses[:, done] = np.asarray(loss)
                reached = (following, done + 1)  # at once: an interrupt comes before or after it
                bar.update()
                if checkpoint is not None and reached[1] % every == 0:
                    kept.save(checkpoint, mark, reached[1], (reached[0], losses))
                    saved = reached[1]
        finally:
            state, done = reached
            if checkpoint is not None and saved < done:
                kept.save(checkpoint, mark, done, (state, losses))
    found = Trained(state.parameters, losses, np.asarray(state.failed))
    return found if several else jax.tree.map(lambda leaf: leaf[0], found)


def _are_keys(keys: Any) -> bool:
    dtype = getattr(keys, "dtype", np.dtype(object))
    return jnp.issubdtype(dtype, jax.dtypes.prng_key) and keys.ndim < 2 and keys.size > 0


def _one_thread_for_small_matrices() -> AbstractContextManager[Any]:
    # Factorizations of 64 × 64 matrices take 20 times as long where OpenBLAS shares each of them
    # out to threads that others keep busy.
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    return threadpool_limits(1, user_api="blas")


def _checked(
    run: Run, images: ArrayLike, labels: ArrayLike, rate: ArrayLike, margin: ArrayLike, keys: int
) -> Data:
    shape = run.classifier.image
    given = np.asarray(images)
    if given.dtype.kind not in "fiub" and not jnp.issubdtype(given.dtype, jnp.floating):
        raise ValueError(f"images must be an array of real numbers; got {given.dtype}")
    numbers = jnp.asarray(given, jnp.result_type(given, float))
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
        given = np.asarray(value)
        real = given.dtype.kind in "fiu" and given.shape in ((), (keys,))
        if not real or not np.all((given > 0) & (given < np.inf)):
            raise ValueError(
                f"the {name} must be positive and finite, one number or one for each of {keys} "
                f"keys; got {given.tolist()}"
            )
        own.append(jnp.asarray(np.broadcast_to(given, keys), numbers.dtype))
    return Data(numbers, classes, *own)
