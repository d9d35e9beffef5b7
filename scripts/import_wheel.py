"""Import every module of an installed `lbdnn`: `check` runs this where only the wheel is installed.

None of the optional extras is there, so a module that imports one before it is used fails. The
modules behind `lbdnn.check` are written for python-flint throughout and may ask for it.
"""

import importlib
import pkgutil
import sys
from importlib.metadata import version
from pathlib import Path

import lbdnn


def main() -> None:
    package = Path(lbdnn.__file__).resolve().parent
    if package.is_relative_to(Path(__file__).resolve().parents[1]):
        sys.exit(f"lbdnn was imported from the repository, {package}, not from the wheel")
    if not (package / "py.typed").is_file():
        sys.exit(f"the wheel does not say that it is typed: {package} holds no py.typed")
    if lbdnn.__version__ != version("lbdnn"):
        sys.exit(f"lbdnn says that it is {lbdnn.__version__}, its wheel {version('lbdnn')}")
    names = [module.name for module in pkgutil.walk_packages(lbdnn.__path__, "lbdnn.")]
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not (name.startswith("lbdnn.checking.") and error.name == "flint"):
                raise
    print(f"lbdnn {lbdnn.__version__}: imported {len(names)} modules from the wheel")


if __name__ == "__main__":
    main()
