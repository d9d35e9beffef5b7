"""One proved certificate for all tests of the checker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple
from unittest import mock

import jax
import numpy as np
import pytest

from lbdnn import (
    Ball,
    Box,
    Certificate,
    Chain,
    Dissipation,
    FullyConnected,
    ResidualNetwork,
    certify,
)
from lbdnn.bounds.dissipativity import dissipation
from lbdnn.search.forms import directions, form


class Proved(NamedTuple):
    """A certificate with proofs and witnesses, and what it is for."""

    certificate: Certificate
    net: Chain
    theta: tuple


def witnessed(certificate: Certificate, net: Chain, theta: tuple, step: np.ndarray) -> Certificate:
    """With lower bounds from one point: the centre's inputs, θ + step, and some directions."""
    rng = np.random.default_rng(1)
    sigma, vector = np.full(net.inputs, 0.5), np.asarray(net.ravel(theta), np.float64) + step
    bounds = {}
    with jax.enable_x64(True):
        weights = net.weights(net.unravel(vector))
        for quantity, bound in certificate.items():
            count = {"value": 0, "hessian": 2}.get(quantity, 1)
            size = net.inputs if quantity == "input_jacobian" else net.size
            flat = rng.standard_normal((count, size))
            flat /= np.linalg.norm(flat, axis=1, keepdims=True)
            own = directions(net, quantity, flat[0] if quantity == "input_jacobian" else flat)
            own = (flat[0],) if quantity == "input_jacobian" else own
            value = np.linalg.norm(form(net, quantity, sigma, weights, own))
            found = {
                "sigma": sigma.tolist(),
                "theta": vector.tolist(),
                "directions": flat.tolist(),
            }
            lower = float(value) * (1 - 1e-12)
            bounds[quantity] = replace(bound, lower=lower, witness=found)
    return replace(certificate, bounds=bounds)


@contextmanager
def undescended_multipliers() -> Iterator[None]:
    """Any multipliers give a proof: those that the descent starts from are quick to get."""
    with mock.patch.object(dissipation, "descended", lambda costs, start, steps: start):
        yield


@pytest.fixture
def undescended() -> Iterator[None]:
    """For one test."""
    with undescended_multipliers():
        yield


def proved_for(net: Chain) -> Proved:
    """All four quantities of a small network, on two levels of the shared radius."""
    theta = net.unravel(np.random.default_rng(0).uniform(-1, 1, net.size))
    with undescended_multipliers():
        certificate = certify(
            net,
            theta,
            inputs=Box(-1, [1.0, 0.5][: net.inputs]),
            parameters=Ball(0.2),
            method=Dissipation(levels=2, steps=1, cells=16),
            attack=None,
        )
    # On the sphere, where rounding decides whether the witness is in the ball.
    step = np.random.default_rng(2).standard_normal(net.size)
    step *= 0.2 / np.linalg.norm(step)
    return Proved(witnessed(certificate, net, theta, step), net, theta)


@pytest.fixture(scope="session")
def proved() -> Proved:
    """Of a fully connected network."""
    return proved_for(FullyConnected((2, 2, 2, 1), "tanh"))


@pytest.fixture(scope="session")
def proved_residual() -> Proved:
    """Of a residual network, with stages of the same sizes: nothing is compiled for them again."""
    return proved_for(ResidualNetwork((1,), "tanh", blocks=1, preactivation=False))
