"""A small comparison that is run once and looked at by many tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from equipoise.compare import Comparison
from equipoise.compare.run import compare
from equipoise.learn import TrainingSettings


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """What a small comparison asks for."""
    return {
        "sensitive": ["sex"],
        "constraint": 'gap("selection") <= 0.1',
        "seeds": 2,
        "rows": 6_000,
        "training": TrainingSettings(steps=60, batch_size=128, hidden=(8,)),
    }


@pytest.fixture(scope="session")
def finished(small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare("census-sim", out=tmp_path_factory.mktemp("run") / "small", **small)


@pytest.fixture(scope="session")
def two(small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Of two promises."""
    promises = ['gap("selection") <= 0.1', 'worst("accuracy") >= 0.6']
    asked = small | {"constraint": promises, "methods": ["erm", "alm"]}
    return compare("census-sim", out=tmp_path_factory.mktemp("run") / "two", **asked)


@pytest.fixture(scope="session")
def folder(finished: Comparison) -> Path:
    return finished.folder.path
