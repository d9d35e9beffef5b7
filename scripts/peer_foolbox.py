"""Attacks of foolbox; run in `.venv-peers-foolbox` by `compare_foolbox.py`.

    python peer_foolbox.py FOLDER

FOLDER/request.json lists attacks: a network, the name of a class, its arguments, how often it is
repeated, and a radius. FOLDER/values.npz holds images, labels and, for each network, the matrices
of blocks x + B max(Ax + a, 0) + b and of the readout. The perturbed images go to
FOLDER/points.npz, versions to FOLDER/answer.json.
"""

import json
import sys
import types
from importlib.metadata import version
from pathlib import Path

# It fetches networks from elsewhere, with packages that nothing else needs.
sys.modules["foolbox.zoo"] = types.ModuleType("foolbox.zoo")

import foolbox  # pyright: ignore[reportMissingImports] # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402


def main() -> None:
    folder = Path(sys.argv[1])
    with np.load(folder / "values.npz") as file:
        values = {name: jnp.asarray(file[name], jnp.float32) for name in file.files}
    images, labels = values["images"], values["labels"].astype(int)
    points = {}
    for index, case in enumerate(json.loads((folder / "request.json").read_text("utf-8"))):
        model = foolbox.models.JAXModel(network(values, case["network"]), bounds=(0, 1))
        attack = getattr(foolbox.attacks, case["class"])(**case["options"])
        if case["repeats"] > 1:
            attack = attack.repeat(case["repeats"])
        _, clipped, _ = attack(model, images, labels, epsilons=case["radius"])
        points[str(index)] = np.asarray(clipped)
    np.savez(folder / "points.npz", **points)
    versions = {package: version(package) for package in ("foolbox", "eagerpy", "jax", "numpy")}
    (folder / "answer.json").write_text(json.dumps(versions))


def network(values: dict, name: str):
    blocks = []
    while f"{name}:{len(blocks)}:A" in values:
        blocks.append([values[f"{name}:{len(blocks)}:{part}"] for part in "AaBb"])
    weight, bias = values[f"{name}:W"], values[f"{name}:w"]

    @jax.jit
    def logits(images):
        x = images.reshape(len(images), -1)
        for first, own, second, shift in blocks:
            x = x + jnp.maximum(x @ first.T + own, 0) @ second.T + shift
        return x @ weight.T + bias

    return logits


if __name__ == "__main__":
    main()
