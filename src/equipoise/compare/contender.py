"""What is compared: a way of training and, where optimizers are compared too, one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.learn import Method, find_method
from equipoise.learn.methods import require_together
from equipoise.learn.optimizers import find_optimizer

_APART = "+"


@dataclass(frozen=True)
class Contender:
    """A method and an optimizer.

    Attributes
    ----------
    method : Method
    optimizer : str or None
        None for that of the settings, at their learning rate; one of its own has its learning rate
        chosen on the validation rows.
    """

    method: Method
    optimizer: str | None = None

    @classmethod
    def parse(cls, text: str) -> Contender:
        """Read a method's name, or a method's and an optimizer's with a plus between them.

        Parameters
        ----------
        text : str
            Such as "alm" or "alm+muon".

        Returns
        -------
        Contender

        Raises
        ------
        ValueError
            If there is no such method or optimizer, or they do not go together.
        """
        name, plus, optimizer = text.partition(_APART)
        method = find_method(name.strip())
        if not plus:
            return cls(method)
        optimizer = find_optimizer(optimizer.strip())
        require_together(method, optimizer)
        return cls(method, optimizer)

    def __str__(self) -> str:
        if self.optimizer is None:
            return self.method.name
        return f"{self.method.name}{_APART}{self.optimizer}"


def crossed(methods: Sequence[str], optimizers: Sequence[str]) -> list[str]:
    """Every method with every optimizer.

    Parameters
    ----------
    methods : sequence of str
    optimizers : sequence of str
        Without any, methods are as they are.

    Returns
    -------
    list of str
        As :meth:`Contender.parse` reads them.

    Raises
    ------
    ValueError
        If a method names an optimizer already.
    """
    if not optimizers:
        return list(methods)
    named = [name for name in methods if _APART in name]
    if named:
        raise ValueError(
            f"methods names {named[0]}, which has an optimizer already: name all of them there, or "
            "in optimizers (--optimizers)."
        )
    return [f"{method}{_APART}{optimizer}" for method in methods for optimizer in optimizers]
