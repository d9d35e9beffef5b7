"""One module of another program's package, without the rest of the package."""

import importlib
import importlib.util
import sys
import types


def alone(package: str, module: str) -> types.ModuleType:
    """`package.module`, imported without `package/__init__.py` and all that this would import.

    Raises ModuleNotFoundError where there is no such package.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"no package {package}")
    empty = types.ModuleType(package)
    empty.__path__ = list(found.submodule_search_locations)
    sys.modules[package] = empty
    return importlib.import_module(f"{package}.{module}")
