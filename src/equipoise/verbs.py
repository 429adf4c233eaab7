"""Packages that are named by a verb and can be called by it.

``equipoise.audit`` is the package of audits and ``equipoise.audit(...)`` makes one. Python binds
a package's name in its parent whenever any of its modules is imported, so a function of the same
name would be there or not depending on what was imported before; a package that can be called is
there always.
"""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any


class _Verb(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    @property
    def _function(self) -> Any:
        return vars(self)[self.__name__.rpartition(".")[2]]

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)


def make_callable(package: str) -> None:
    """Let calls of a package be calls of the function in it that has the package's name.

    Parameters
    ----------
    package : str
        Its full name, while it is being imported.
    """
    sys.modules[package].__class__ = _Verb
