"""The closed loop of `benchmark_control.py` written plainly in NumPy or PyTorch.

    python peer_control.py FOLDER numpy|torch

FOLDER/request.json says the sizes of the network, law, dtype, period, samples and repetitions;
FOLDER/arrays.npz holds θ̂(0), X(0), the reference and the coefficients of the Runge–Kutta method.
The answer is a line of JSON: seconds of processor and of the clock of the quickest repetition; the
last state and the squares of the errors go to FOLDER/NAME.npz. No gradient is recorded: derivatives
are written out, as one would without a library.
"""

import importlib
import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

INERTIA, FRICTION = (3.473, 0.196, 0.242), (5.3, 1.1)
ERROR_GAIN, FEEDBACK_GAIN, OBSERVER_GAIN, DRIFT_GAIN = 5.0, 5.0, 10.0, 10.0
PREDICTION_GAIN, DAMPING, FORGETTING, LARGEST_GAIN = 20.0, 1e-4, 10.0, 2.0


class Library:
    """What differs between the two."""

    def __init__(self, name: str, dtype: str) -> None:
        self.module: ModuleType = importlib.import_module(name)
        self.torch = name == "torch"
        self.dtype = getattr(self.module, dtype)
        if self.torch:
            self.module.set_num_threads(1)

    def array(self, values: Any) -> Any:
        if self.torch:
            return self.module.tensor(values, dtype=self.dtype)
        return np.asarray(values, self.dtype)

    def join(self, parts: list) -> Any:
        return (self.module.cat if self.torch else np.concatenate)(parts)

    def stack(self, parts: list) -> Any:
        return self.module.stack(parts)


class Loop:
    """Two-link manipulator, observer, law; one `step` a sample."""

    def __init__(self, library: Library, request: dict, arrays: dict) -> None:
        self.library, self.request = library, request
        self.xp, self.period = library.module, request["period"]
        self.sizes = list(zip(request["sizes"][:-1], request["sizes"][1:], strict=True))
        self.theta = library.array(arrays["theta"])
        self.state = library.array(arrays["state"])
        self.motions = library.array(arrays["motions"])  # (T, 3, 2)
        self.tableau = [list(map(float, row)) for row in request["tableau"]]
        self.one = library.array([1.0])
        self.estimate = self.drift = self.integral = None
        self.composite = request["law"] == "composite"
        if self.composite:
            self.gain = library.array(np.eye(len(arrays["theta"])))
            self.direction = library.array(arrays["direction"])

    def network(self, x: Any) -> tuple[Any, Any]:
        """Φ and Φ', (n, p)."""
        xp, weights, kept, start = self.xp, [], [], 0
        value = x
        for j, (n_in, n_out) in enumerate(self.sizes):
            end = start + n_out * (n_in + 1)
            weights.append(self.theta[start:end].reshape(n_out, n_in + 1))
            value = self.library.join([xp.tanh(value) if j else value, self.one])
            kept.append(value)
            value, start = weights[-1] @ value, end
        back = self.library.array(np.eye(self.sizes[-1][1]))
        parts = []
        for j in reversed(range(len(weights))):
            parts.append((back[:, :, None] * kept[j]).reshape(len(back), -1))
            if j:
                back = (back @ weights[j][:, :-1]) * (1 - kept[j][:-1] ** 2)
        parts.reverse()
        jacobian = xp.cat(parts, 1) if self.library.torch else np.concatenate(parts, 1)
        return value, jacobian

    def inertia(self, x: Any) -> tuple[Any, Any, Any]:
        one, two, three = INERTIA
        cosine = self.xp.cos(x[1])
        return one + 2 * three * cosine, two + three * cosine, two + 0 * cosine

    def rate(self, x: Any, control: Any) -> Any:
        a, b, d = self.inertia(x)
        lever = INERTIA[2] * self.xp.sin(x[1])
        first, second = x[2], x[3]
        one = control[0] + lever * second * (2 * first + second) - FRICTION[0] * first
        two = control[1] - lever * first * first - FRICTION[1] * second
        by = a * d - b * b
        return self.library.stack(
            [first, second, (d * one - b * two) / by, (a * two - b * one) / by]
        )

    def step(self, index: int) -> Any:
        dt, x = self.period, self.state
        position, velocity, acceleration = self.motions[index]
        e = x[:2] - position
        r = x[2:] - velocity + ERROR_GAIN * e
        if self.estimate is None:
            self.estimate, self.drift, self.integral = r, 0 * r, 0 * r
        value, jacobian = self.network(x)
        wanted = acceleration - (ERROR_GAIN + FEEDBACK_GAIN) * r + (ERROR_GAIN**2 - 1) * e - value
        a, b, d = self.inertia(x)
        control = self.library.stack([a * wanted[0] + b * wanted[1], b * wanted[0] + d * wanted[1]])
        if self.composite:
            image = self.gain @ self.direction
            norm = (image @ image) ** 0.5
            self.direction = image / norm
            images = self.gain @ jacobian.T
            beta = FORGETTING * (1 - norm / LARGEST_GAIN)
            self.gain = self.gain + dt * (beta * self.gain - images @ images.T)
            error = r + PREDICTION_GAIN * (self.drift - value)
            moved = self.gain @ (jacobian.T @ error - DAMPING * self.theta)
        else:
            moved = jacobian.T @ r - DAMPING * self.theta
        self.theta = self.theta + dt * moved
        gap = r - self.estimate
        known = wanted - acceleration + ERROR_GAIN * (r - ERROR_GAIN * e)
        self.estimate = self.estimate + dt * (known + self.drift + OBSERVER_GAIN * gap)
        self.integral = self.integral + dt * (DRIFT_GAIN * OBSERVER_GAIN + 1) * gap
        self.drift = DRIFT_GAIN * (r - self.estimate) + self.integral
        slopes: list = []
        at = x
        for row in self.tableau:
            at = x
            for weight, slope in zip(row, slopes, strict=True):
                if weight:
                    at = at + dt * weight * slope
            if len(row) < len(self.tableau) - 1:
                slopes.append(self.rate(at, control))
        self.state = at  # the last row is the solution's
        return e


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    request = json.loads((folder / "request.json").read_text("utf-8"))
    with np.load(folder / "arrays.npz") as stored:
        arrays = dict(stored)
    library = Library(name, request["dtype"])
    best = {"cpu": float("inf"), "wall": float("inf")}
    state = errors = None

    def run() -> None:
        nonlocal state, errors
        for _ in range(request["repeats"]):
            loop = Loop(library, request, arrays)
            began, worked = time.perf_counter(), time.process_time()
            found = [loop.step(index) for index in range(request["samples"])]
            best["cpu"] = min(best["cpu"], time.process_time() - worked)
            best["wall"] = min(best["wall"], time.perf_counter() - began)
            state, errors = np.asarray(loop.state), np.stack([np.asarray(e) for e in found])

    if library.torch:
        with library.module.inference_mode():
            run()
    else:
        run()
    np.savez(folder / f"{name}.npz", state=np.asarray(state), errors=np.asarray(errors))
    print(json.dumps(best | {"version": library.module.__version__}))


if __name__ == "__main__":
    main()
