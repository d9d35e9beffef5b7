"""Bounds by immrax's natural inclusion functions; run in `.venv-peers` by `compare_peers.py`.

    python peer_immrax.py CASES.npz REQUEST.json

Prints a line of JSON for the versions, then one for each bound as soon as there is one.
"""

from __future__ import annotations

import json
import math
import sys
import time
from functools import partial
from importlib.metadata import version
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from peer_package import alone

from experiments.interval_norms import largest_over_cells


def network(sizes: tuple[int, ...], theta: jax.Array, sigma: jax.Array) -> jax.Array:
    """tanh network; θ holds the rows of (W_0 b_0), then those of (W_1 b_1), …"""
    x, at = sigma, 0
    for layer, (columns, rows) in enumerate(pairwise(sizes)):
        v = theta[at : at + rows * (columns + 1)].reshape(rows, columns + 1)
        at += rows * (columns + 1)
        z = v[:, :-1] @ x + v[:, -1]
        x = jnp.tanh(z) if layer < len(sizes) - 2 else z
    return x


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    immrax = alone("immrax", "inclusion")
    cases = np.load(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        request = json.load(file)
    say(
        {
            "versions": {
                package: version(package) for package in ("immrax", "jax", "jaxlib", "numpy")
            }
        }
    )
    compiled, too_long = {}, set()
    for case in request["cases"]:
        sizes = tuple(case["sizes"])
        theta, lo, hi = (cases[f"{name}{case['index']}"] for name in ("theta", "lo", "hi"))
        for quantity, sides in ((q, s) for q in request["quantities"] for s in request["sides"]):
            key = (sizes, quantity, sides)
            bound = seconds = None
            if key not in too_long:
                together = min(16, sides ** len(lo))
                kind = (sizes, quantity, together)
                if kind not in compiled:
                    compiled[kind] = jax.jit(partial(enclosed, immrax, sizes, quantity))
                enclose = partial(compiled[kind], theta, case["radius"])
                began = time.perf_counter()
                bound = largest_over_cells(
                    enclose, lo, hi, sides, together=together, limit=request["limit"]
                )
                seconds = time.perf_counter() - began
                if math.isnan(bound):
                    bound = seconds = None
                    too_long.add(key)
            found = {"boxes": sides ** len(lo), "bound": bound, "seconds": seconds}
            say({"index": case["index"], "quantity": quantity, **found})


def enclosed(immrax, sizes, quantity, theta, radius, lo, hi):
    """Entries of the derivative for each of a batch of boxes of inputs, θ within θ ± radius."""
    derivative = jax.jacfwd(partial(network, sizes))
    if quantity == "hessian":
        derivative = jax.jacfwd(derivative)
    inclusion = immrax.natif(derivative)
    parameters = immrax.interval(theta - radius, theta + radius)

    def over(low: jax.Array, high: jax.Array):
        entries = inclusion(parameters, immrax.interval(low, high))
        return entries.lower, entries.upper

    return jax.vmap(over)(lo, hi)


def say(line: dict) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
