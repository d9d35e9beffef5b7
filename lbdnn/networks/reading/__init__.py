"""Networks read from files of several formats, and written in our own."""

from .dispatch import read as read
from .equinox_mlp import from_equinox as from_equinox
from .layers import from_layers as from_layers
from .model import Model as Model, ModelError as ModelError
from .native import write as write
