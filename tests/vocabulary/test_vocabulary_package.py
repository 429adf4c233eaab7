"""The front door: what ``import equipoise`` loads, and packages that are called by their name."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import equipoise


def printed(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HEAVY = ["torch", "sklearn", "scipy", "matplotlib", "pandas", "polars", "pyarrow", "numpy"]


def test_importing_the_package_loads_nothing_heavy():
    loaded = f"import equipoise, sys; print([m for m in {HEAVY} if m in sys.modules])"
    assert printed(loaded) == "[]"


def test_an_audit_loads_neither_torch_nor_scikit_learn():
    program = (
        "import equipoise, sys; "
        "equipoise.audit([0, 1, 1, 0], [0, 1, 0, 1], sensitive_features=list('aabb')); "
        "print([m for m in ('torch', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    assert printed(program) == "[]"


@pytest.mark.parametrize(
    "imports",
    [
        "import equipoise; call = equipoise.audit",
        "from equipoise.audit import Counts; import equipoise; call = equipoise.audit",
        "import equipoise; from equipoise.audit import Counts; call = equipoise.audit",
        "import equipoise; equipoise.audit; import equipoise.audit.pairs; call = equipoise.audit",
        "from equipoise import audit as call",
    ],
)
def test_audit_can_be_called_whatever_was_imported_before(imports):
    call = "call([0, 1, 1, 0], [0, 1, 0, 1], sensitive_features=list('aabb'))"
    assert printed(f"{imports}; print({call}.counts.n_rows)") == "4"


def test_the_package_that_is_called_has_the_signature_of_its_function():
    from equipoise.audit import audit

    assert inspect.signature(equipoise.audit) == inspect.signature(audit)


def test_the_package_that_is_called_still_holds_its_names():
    from equipoise.audit.counts import Counts

    assert equipoise.audit.Counts is Counts


@pytest.mark.parametrize(
    "name", ["Audit", "Constraint", "Counts", "Groups", "Rate", "audit", "gap", "ratio", "worst"]
)
def test_every_name_of_the_vocabulary_is_there(name):
    assert getattr(equipoise, name) is not None


def test_every_public_name_is_listed():
    assert {*equipoise.__all__} <= {*dir(equipoise)}


def test_a_name_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="no attribute 'fairness'"):
        equipoise.fairness  # noqa: B018
