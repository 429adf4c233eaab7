"""What importing the rooms of sampling loads."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numba", "scipy.linalg", "scipy.optimize", "scipy.sparse", "scipy.special")


@pytest.mark.parametrize("module", ["equipoise.sampling", "equipoise.sampling.densities"])
def test_an_import_loads_nothing_heavy_before_it_is_used(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
