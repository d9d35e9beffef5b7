"""Plants whose drift is known to be a network."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp

from lbdnn.control import Reference, Variable
from lbdnn.control.plants.plant import Affine
from lbdnn.networks import Chain


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class NetworkPlant(Affine):
    """x⁽ᵏ⁾ = Φ(X, θ*) + g u."""

    net: Chain = field(metadata={"static": True})
    theta: jax.Array
    effect: jax.Array
    order: int = field(default=1, metadata={"static": True})

    @property
    def states(self):
        return tuple(Variable(f"state {k}", "1") for k in range(self.net.inputs))

    @property
    def controls(self):
        return tuple(Variable(f"control {k}", "1") for k in range(self.effect.shape[1]))

    def drift(self, state):
        return self.net(self.net.unravel(self.theta), state)

    def effectiveness(self, state):
        return self.effect


def waves(time):
    return jnp.stack([jnp.sin(time), jnp.cos(2 * time)])


def wave(time):
    return jnp.sin(time)[None]


def origin(time):
    return jnp.zeros(1) * time


WAVES, WAVE, ORIGIN = Reference(waves), Reference(wave), Reference(origin)
