"""Networks that the tests of this folder run on, and their derivatives by JAX alone."""

import jax
import jax.numpy as jnp
import numpy as np

from lbdnn import FullyConnected

# Different widths and activations in a chain, no bias, scalings, one to three outputs.
NETWORKS = {
    "tanh": FullyConnected((2, 3, 3, 2)),
    "mixed": FullyConnected((3, 4, 2, 3), ("gelu", "arctan")),
    "unbiased": FullyConnected((2, 3, 2, 1), "logistic", bias=False),
    "scaled": FullyConnected(
        (2, 3, 3, 2),
        input_scaling=((2.0, -0.5), (0.1, -0.2)),
        output_scaling=((3.0, -0.2), (1.0, 0.5)),
    ),
}


def parameters(net, seed=0, scale=1.5):
    """Parameters in float64; call it under `jax.enable_x64(True)`."""
    size = scale / np.sqrt(net.inputs + 2)
    return net.unravel(size * np.random.default_rng(seed).standard_normal(net.size))


def dense(net, theta, quantity):
    """σ ↦ the array whose norm the quantity is: (m,), (m, p), (m, p, p) or (m, d)."""
    vector = jnp.asarray(net.ravel(theta))

    def value(v, sigma):
        return net(net.unravel(v), sigma)

    of = {
        "value": value,
        "jacobian": jax.jacfwd(value),
        "hessian": jax.hessian(value),
        "input_jacobian": jax.jacfwd(value, 1),
    }[quantity]
    return jax.jit(lambda sigma: of(vector, sigma))


def norm(array):
    """Euclidean, spectral, or (of a tensor) operator norm, that over many directions u."""
    array = np.asarray(array)
    if array.ndim < 3:
        return np.linalg.norm(array, 2 if array.ndim == 2 else None)
    return max(np.linalg.norm(np.tensordot(u, array, 1), 2) for u in directions(len(array)))


def directions(outputs):
    """Unit vectors: all, a fine grid, or many random ones."""
    if outputs == 1:
        return np.ones((1, 1))
    if outputs == 2:
        angles = np.linspace(0, np.pi, 180)
        return np.stack([np.cos(angles), np.sin(angles)], 1)
    u = np.random.default_rng(1).standard_normal((400, outputs))
    return u / np.linalg.norm(u, axis=1, keepdims=True)
