"""Convolutions as matrices, made by JAX's own convolution: another program than that tested."""

import jax
import numpy as np


def matrix(weight, convolution):
    """The columns are the images of the unit vectors, in float64."""
    weight = np.asarray(weight, np.float64)
    count = weight.shape[1] * int(np.prod(convolution.image))
    units = np.eye(count).reshape(count, weight.shape[1], *convolution.image)
    pads = [(p, p) for p in np.broadcast_to(np.asarray(convolution.padding), 2).tolist()]
    wrap = {"mode": "wrap"} if convolution.boundary == "circular" else {}
    units = np.pad(units, [(0, 0), (0, 0), *pads], **wrap)
    stride = np.broadcast_to(np.asarray(convolution.stride), 2).tolist()
    with jax.enable_x64(True):
        columns = jax.lax.conv(units, weight, stride, "VALID")
    return np.asarray(columns).reshape(count, -1).T
