"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import equipoise


def modules():
    for found in pkgutil.walk_packages(equipoise.__path__, "equipoise."):
        finder = found.module_finder.find_spec(found.name, None)
        if ">>>" in Path(finder.origin).read_text(encoding="utf-8"):
            yield found.name


@pytest.mark.parametrize("name", [*modules()])
def test_examples_give_what_they_say(name):
    module = importlib.import_module(name)
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed
