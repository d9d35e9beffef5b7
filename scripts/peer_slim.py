"""Weights of `neuromancer.slim`; run in `.venv-peers-slim` by `compare_slim.py`.

    python peer_slim.py FOLDER

FOLDER/request.json lists classes, their arguments and the attributes to be set, whose values are in
FOLDER/values.npz; the weights go to FOLDER/weights.npz, all else to FOLDER/answer.json.
"""

import json
import sys
from functools import reduce
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from peer_package import alone


def main() -> None:
    torch.set_default_dtype(torch.float64)
    slim = alone("neuromancer", "slim.linear")
    folder = Path(sys.argv[1])
    values = np.load(folder / "values.npz")
    weights, answers = {}, []
    for index, case in enumerate(json.loads((folder / "request.json").read_text("utf-8"))):
        layer = getattr(slim, case["class"])(*case["sizes"], **case["options"])
        own = [p for name, p in layer.named_parameters() if name != "bias" and p.requires_grad]
        for name in case["attributes"]:
            value = torch.tensor(values[f"{index}:{name}"])
            *path, last = name.split(".")
            part = reduce(getattr, path, layer)
            is_parameter = isinstance(getattr(part, last), torch.nn.Parameter)
            setattr(part, last, torch.nn.Parameter(value) if is_parameter else value)
        with torch.no_grad():
            weights[str(index)] = layer.effective_W().numpy()
            penalty = float(layer.reg_error()) if case["penalty"] else None
        answers.append({"trained": sum(p.numel() for p in own), "penalty": penalty})
    np.savez(folder / "weights.npz", **weights)
    versions = {package: version(package) for package in ("neuromancer", "torch", "numpy")}
    (folder / "answer.json").write_text(json.dumps({"versions": versions, "answers": answers}))


if __name__ == "__main__":
    main()
