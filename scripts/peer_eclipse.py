"""One Lipschitz constant by eclipse-nn; run in `.venv-peers-eclipse` by `compare_eclipse.py`.

    python peer_eclipse.py FILE.npz LIMIT METHOD [SOLVER]

FILE.npz holds weights W0, W1, …, without biases, and the `slopes` of the activation, least and
greatest. Where the system can, a signal ends the program once the estimate has taken LIMIT seconds
of the processor. SOLVER is one of cvxpy's, in the place of SCS. Prints one JSON object: value,
null where the solver failed, seconds and processor seconds (of the estimate alone), whether the
program said that it fell back to its closed form, and versions.
"""

import io
import json
import signal
import sys
import time
from contextlib import redirect_stdout
from importlib.metadata import version

import cvxpy  # pyright: ignore[reportMissingImports]
import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from eclipse_nn.LipConstEstimator import (  # pyright: ignore[reportMissingImports]
    LipConstEstimator,
)


def main() -> None:
    with np.load(sys.argv[1]) as file:
        weights = [torch.tensor(file[f"W{i}"]) for i in range(len(file.files) - 1)]
        alpha, beta = map(float, file["slopes"])
    if sys.argv[4:]:
        solve = cvxpy.Problem.solve
        cvxpy.Problem.solve = lambda problem, **_: solve(problem, solver=sys.argv[4])
    hidden = len(weights) - 1
    with redirect_stdout(io.StringIO()) as said:
        estimator = LipConstEstimator(
            weights=weights, alphas=[alpha] * hidden, betas=[beta] * hidden
        )
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, float(sys.argv[2]))
        start, worked = time.perf_counter(), time.process_time()
        try:
            value = float(estimator.estimate(sys.argv[3]))
        except cvxpy.error.SolverError:
            value = None
        took = {
            "seconds": time.perf_counter() - start,
            "processor": time.process_time() - worked,
        }
    versions = {name: version(name) for name in ("eclipse-nn", "torch", "cvxpy", "scs", "numpy")}
    found = {
        "value": value,
        "failed": value is None,
        **took,
        "fell_back": "Falling back" in said.getvalue(),
    }
    print(json.dumps(found | {"versions": versions}))


if __name__ == "__main__":
    main()
