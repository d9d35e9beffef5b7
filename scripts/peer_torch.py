"""Eigenvalues of A*(x) by PyTorch; run in `.venv-peers-slim` by `benchmark_sweep.py`.

    python peer_torch.py FOLDER

FOLDER/request.json says the number of threads at most, and of each case its dtype and activations;
FOLDER/arrays.npz holds weights and points. Each line of the standard input, JSON, is a request:
{"case", "way", "every"} and, if the eigenvalues are wanted, "keep", a name: they go to
FOLDER/NAME.npz. The answer is a line of JSON. "way" is "closed" (2 × 2) or "eigvals".
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch  # pyright: ignore[reportMissingImports]

F = torch.nn.functional
# ς and ς'(0).
ACTIVATIONS = {
    "relu": (torch.relu, 0.0),
    "selu": (F.selu, 1.7580993408473766),
    "gelu": (F.gelu, 0.5),
    "tanh": (torch.tanh, 1.0),
    "logistic": (torch.sigmoid, 0.25),
    "softplus": (lambda z: F.softplus(z, threshold=40), 0.5),
}
PIECES = (1024, 4096, 16384, 1 << 20)  # points at once; what is fastest for the last group is taken


def matrices(activation: str, stack: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """A*(x), (models, n, n, b), of models (models, depth, n, n + 1) at points x, (n, b)."""
    function, at_zero = ACTIVATIONS[activation]
    models, _, n, _ = stack.shape
    value, matrix = x.expand(models, *x.shape), None
    for layer in stack.unbind(1):
        weight = layer[:, :, :n].contiguous()
        z = torch.baddbmm(layer[:, :, n:], weight, value)
        if matrix is None:
            matrix = weight[..., None]
        else:
            matrix = (weight @ matrix.reshape(models, n, -1)).view(models, n, n, -1)
        value = function(z)
        slope = torch.where(z == 0, at_zero, value / z)
        matrix = slope[:, :, None] * matrix
    return matrix


def closed_form(matrix: torch.Tensor) -> torch.Tensor:
    """(models, n, n, b), n = 2, to (models, b, 2)."""
    a, b, c, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1]
    middle, half = (a + d) / 2, (a - d) / 2
    square = half * half + b * c
    apart, turned = square.clamp(min=0).sqrt_(), square.neg().clamp_(min=0).sqrt_()
    return torch.stack(
        [torch.complex(middle + apart, turned), torch.complex(middle - apart, -turned)], -1
    )


def lapack(matrix: torch.Tensor) -> torch.Tensor:
    return torch.linalg.eigvals(matrix.movedim(-1, 1))


def sweep(groups: list, points: torch.Tensor, way: str, piece: int) -> list[torch.Tensor]:
    of_matrices = {"closed": closed_form, "eigvals": lapack}[way]
    n, count = points.shape
    found = []
    for activation, stack in groups:
        kind = torch.complex128 if stack.dtype == torch.float64 else torch.complex64
        values = torch.empty(len(stack), count, n, dtype=kind)
        for start in range(0, count, piece):
            own = slice(start, start + piece)
            values[:, own] = of_matrices(matrices(activation, stack, points[:, own]))
        found.append(values)
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    request = json.loads((folder / "request.json").read_text("utf-8"))
    most = request["threads"]
    arrays = np.load(folder / "arrays.npz")
    best: dict[tuple, tuple[int, int]] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "case" not in asked:
            print(json.dumps({name: version(name) for name in ("torch", "numpy")}), flush=True)
            continue
        case, way, every = asked["case"], asked["way"], asked["every"]
        about = request["cases"][case]
        kind = getattr(torch, about["dtype"])
        groups = [
            (activation, torch.tensor(arrays[f"{case}:{k}"], dtype=kind))
            for k, activation in enumerate(about["activations"])
        ]
        points = torch.tensor(arrays[f"{case}:points"][::every].T, dtype=kind).contiguous()

        def seconds(groups: list, piece: int, threads: int) -> float:
            torch.set_num_threads(threads)
            began = time.perf_counter()
            found = sweep(groups, points, way, piece)  # noqa: B023
            passed = time.perf_counter() - began
            del found
            return passed

        with torch.inference_mode():
            if "keep" in asked:
                found = sweep(groups, points, way, best[case, way][0])
                own = {str(k): values.numpy() for k, values in enumerate(found)}
                np.savez(folder / f"{asked['keep']}.npz", **own)
                answer = {}
            else:
                if (case, way) not in best:
                    pieces = sorted({min(piece, points.shape[1]) for piece in PIECES})
                    seconds(groups[-1:], pieces[0], most)  # what is done once does not count
                    # One thread too: on busy cores several may be slower.
                    settings = [(piece, own) for piece in pieces for own in sorted({1, most})]
                    tried = {how: seconds(groups[-1:], *how) for how in settings}
                    best[case, way] = min(tried, key=tried.__getitem__)
                piece, threads = best[case, way]
                passed = seconds(groups, piece, threads)
                answer = {"seconds": passed, "piece": piece, "threads": threads}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
