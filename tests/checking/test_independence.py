"""The checker shares no mathematics with what it checks."""

import ast
from pathlib import Path

import lbdnn.checking

# The network's definition, the sets, the names of activations, and the certificate's format.
SHARED = {"activations", "certificate", "networks", "sets"}
OUTSIDE = {"flint", "numpy"}


def test_what_the_checker_imports() -> None:
    folder = Path(lbdnn.checking.__file__).parent
    files = list(folder.rglob("*.py"))
    assert len(files) > 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                assert node.module is not None
                assert node.module.split(".")[0] in SHARED, f"{file.name}: {node.module}"
            elif isinstance(node, ast.ImportFrom | ast.Import) and not getattr(node, "level", 0):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                for name in [getattr(node, "module", None), *names]:
                    top = (name or "math").split(".")[0]
                    assert top in OUTSIDE or not top.startswith(("lbdnn", "jax", "scipy")), name
            else:
                assert not (isinstance(node, ast.ImportFrom) and node.level > 2)
