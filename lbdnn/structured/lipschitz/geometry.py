"""Where the taps of a convolution fall, on an image of given size."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Boundary = Literal["zero", "circular"]
Pair = tuple[int, int]


class Axis(NamedTuple):
    """A convolution along one axis as one without stride between blocks of `phases` pixels.

    Tap k joins output i with pixel `phases`·(i + q) + a, q, a = divmod(k − padding, phases), a from
    0. On a torus of `torus` blocks it is the same map, where what is no pixel of the image is 0.
    """

    phases: int
    torus: int
    twisted: bool
    """Whether that holds too with a sign change around the torus."""


@dataclass(frozen=True)
class Convolution:
    """y[i] = Σ_k W[k] x[stride·i + k − padding], in two dimensions, over channels.

    (The cross-correlation that JAX, PyTorch and ONNX call convolution.) Pixels outside the image
    are 0, or, with boundary "circular", those of the image repeated. Static and hashable.

    **Arguments:**

    - `image`: height and width, in pixels, before padding.
    - `kernel`: height and width of the kernel, in taps.
    - By keyword: `padding`, pixels on each side (one number, or one each for height and width; by
      default "same", (kernel − 1)/2, for odd kernels), `stride` likewise, and `boundary`.

    **Raises:** ValueError for sizes that are no positive integers, an output without pixels, and
    circular padding beyond (kernel − 1)/2, with which pixels of the image come more than once.
    """

    image: Pair
    kernel: Pair
    _: KW_ONLY
    padding: Pair | int | Literal["same"] = "same"
    stride: Pair | int = 1
    boundary: Boundary = "zero"

    def __post_init__(self) -> None:
        for name, least in (("image", 1), ("kernel", 1), ("stride", 1)):
            object.__setattr__(self, name, _pair(getattr(self, name), name, least))
        if self.boundary not in ("zero", "circular"):
            raise ValueError(f"boundary must be 'zero' or 'circular'; got {self.boundary!r}")
        if self.padding == "same":
            if not all(k % 2 for k in self.kernel):
                raise ValueError(f"a kernel of {self.kernel} taps has no 'same'; pass padding")
            object.__setattr__(self, "padding", tuple(k // 2 for k in self.kernel))
        object.__setattr__(self, "padding", _pair(self.padding, "padding", 0))
        if self.boundary == "circular" and any(2 * p >= k for p, k in self._ends):
            raise ValueError(
                f"circular padding of a kernel of {self.kernel} taps is at most (kernel − 1)/2 on "
                f"each side; got {self.padding}"
            )
        if min(self.output) < 1:
            raise ValueError(
                f"a kernel of {self.kernel} taps does not fit into an image of {self.image} pixels "
                f"with padding {self.padding}"
            )

    @property
    def _ends(self) -> list[Pair]:
        return list(zip(_pair(self.padding, "padding", 0), self.kernel, strict=True))

    @property
    def output(self) -> Pair:
        """Height and width of the result."""
        steps = _pair(self.stride, "stride", 1)
        rows, columns = (
            (h + 2 * p - k) // s + 1 if h + 2 * p >= k else 0
            for h, s, (p, k) in zip(self.image, steps, self._ends, strict=True)
        )
        return rows, columns

    def axis(self, which: int) -> Axis:
        """The height (0) or the width (1)."""
        pixels, outputs = self.image[which], self.output[which]
        stride = _pair(self.stride, "stride", 1)[which]
        padding, taps = self._ends[which]
        if self.boundary == "circular":
            # Where the stride does not divide the image: outputs are some of those of stride 1.
            phases = stride if pixels % stride == 0 else 1
            return Axis(phases, pixels // phases, False)
        # Output i and block j meet where i + q = j, so i + q − j must never be ± the torus.
        blocks = -(-pixels // stride)
        first, last = -padding // stride, (taps - 1 - padding) // stride
        return Axis(stride, max(blocks - first, outputs + last, blocks, outputs), True)

    def apply(
        self, weight: Float[Array, "o c kh kw"], x: Float[Array, "c h w"]
    ) -> Float[Array, "o rows columns"]:
        """The convolution, as one product of matrices a tap: quick in float64 too."""
        pads = _pair(self.padding, "padding", 0)
        if self.boundary == "zero":
            x = jnp.pad(x, ((0, 0), *((p, p) for p in pads)))
        else:
            for at, (pixels, p) in enumerate(zip(self.image, pads, strict=True), 1):
                x = jnp.take(x, (jnp.arange(pixels + 2 * p) - p) % pixels, at)
        (rows, columns), (down, right) = self.output, _pair(self.stride, "stride", 1)
        total = jnp.zeros((weight.shape[0], rows * columns), x.dtype)
        for a in range(self.kernel[0]):
            for b in range(self.kernel[1]):
                seen = x[:, a : a + down * rows : down, b : b + right * columns : right]
                seen = seen[:, :rows, :columns].reshape(x.shape[0], -1)
                highest = jax.lax.Precision.HIGHEST
                total += jnp.matmul(weight[:, :, a, b], seen, precision=highest)
        return total.reshape(-1, rows, columns)


def _pair(value: object, name: str, least: int) -> Pair:
    pair = (value, value) if isinstance(value, int) else value
    if not (
        isinstance(pair, tuple | list)
        and len(pair) == 2
        and all(isinstance(n, int) and not isinstance(n, bool) and n >= least for n in pair)
    ):
        raise ValueError(f"{name} takes an integer >= {least}, or two; got {value!r}")
    return pair[0], pair[1]
