"""What the passes find over a cell contains the truth, which JAX computes from the network."""

from functools import cache, partial

import jax
import numpy as np
import pytest

from lbdnn.bounds.expansion.activation_tables import table
from lbdnn.bounds.expansion.backward import backward
from lbdnn.bounds.expansion.forward import forward
from lbdnn.bounds.expansion.monomials import monomials
from lbdnn.bounds.expansion.network import read

from .networks import NETWORKS, parameters


def _rest(layers, activations, x, start, stop):
    """Φ_stop as a function of x = Φ_start."""
    for j in range(start, stop):
        x = layers.weights[j] @ (activations[j](x) * (layers.own[j] != 0)) + layers.biases[j + 1]
    return x


@cache
def _passes(name):
    net = NETWORKS[name]
    shape, layers = read(net, parameters(net))
    tables = tuple(table(a, 12.0) for a in shape.activations)
    variables = monomials(net.inputs)

    def both(centre, half):
        known = forward(shape, layers, tables, variables, centre, half)
        return known, backward(shape, layers, variables, known)

    return jax.jit(both, compiler_options={"xla_backend_optimization_level": 0})


def _powers(variables, t):
    pairs = [t[a] * t[b] for a, b in zip(variables.first, variables.second, strict=True)]
    return np.array([1.0, *t, *pairs])


@pytest.mark.parametrize("name", [pytest.param("mixed", marks=pytest.mark.slow), "scaled"])
def test_paths_and_curvatures_contain_the_truth(name):
    net, rng = NETWORKS[name], np.random.default_rng(3)
    with jax.enable_x64(True):
        shape, layers = read(net, parameters(net))
        activations = [shape.activations[kind] for kind in shape.kinds]
        variables = monomials(net.inputs)
        passes = _passes(name)
        k, m = shape.hidden, shape.outputs

        @jax.jit
        def truth(sigma):
            entry = layers.first @ (layers.scale * sigma + layers.offset) + layers.biases[0]
            phi = [_rest(layers, activations, entry, 0, j) for j in range(k + 1)]
            paths = {
                (j, i): jax.jacobian(partial(_rest, layers, activations, start=i, stop=j))(phi[i])
                for j in range(k + 1)
                for i in range(j)
            }
            bends = [
                jax.hessian(partial(_rest, layers, activations, start=j, stop=k))(phi[j])[:m]
                for j in range(k)
            ]
            return phi, paths, bends

        used = (layers.own != 0).astype(float)
        for size in np.repeat([0.02, 0.2], 8):
            centre = rng.uniform(-0.5, 0.5, net.inputs)
            half = size * rng.uniform(0.2, 1, net.inputs)
            known, curved = jax.tree.map(np.asarray, passes(centre, half))
            t = np.sign(rng.uniform(-1, 1, net.inputs)) * rng.choice([0.3, 1.0])
            power = _powers(variables, t)
            phi, paths, bends = truth(centre + half * t)
            output = np.tensordot(power, known.output, 1)
            assert np.all(np.abs(output - phi[k]) <= known.output_error + 1e-15)
            for j, i in paths:
                exact = np.asarray(paths[j, i]) * used[i]
                found = known.B[i] if j == k else known.P[j, i]
                error = known.B_error[i] if j == k else known.P_error[j, i]
                away = np.linalg.norm(exact - np.tensordot(power, found, 1), 2)
                assert away <= error + 1e-15
                slope = np.asarray(activations[j - 1].derivative(1, phi[j - 1])) * used[j - 1]
                inner = np.eye(shape.width) * used[i] if j - 1 == i else paths[j - 1, i] * used[i]
                exact = slope[:, None] * np.asarray(inner)
                away = np.linalg.norm(exact - np.tensordot(power, known.T[j - 1, i], 1), 2)
                assert away <= known.T_error[j - 1, i] + 1e-15
                if j < k:
                    product = np.einsum("oab,bc->oac", bends[j], paths[j, i] * used[i])
                    rest = product - np.tensordot(power, curved.Q[j, i], 1)
                    for u in (*np.eye(m), np.ones(m) / np.sqrt(m)):
                        away = np.linalg.norm(np.tensordot(u, rest, 1), 2)
                        assert away <= curved.error[j, i] + 1e-15


def test_errors_are_of_third_order():
    with jax.enable_x64(True):

        def errors(half):
            known, curved = _passes("scaled")(np.full(2, 0.2), np.full(2, half))
            paths = known.B_error[0], known.T_error.max()
            return np.array([known.output_error.max(), *paths, curved.error[0, 0]])

        large, small = errors(2e-3), errors(1e-3)
        assert np.all(large > 0)
        np.testing.assert_allclose(large / small, 8, rtol=0.1)
