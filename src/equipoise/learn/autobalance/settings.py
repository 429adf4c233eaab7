"""How a training loss is searched for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, get_args

import torch

from equipoise.learn.imbalance.parametric import Term
from equipoise.optim.bilevel import ConjugateGradient, HyperGradient, Identity, Neumann, Unrolled

HyperGradientName = Literal["identity", "neumann", "cg", "unrolled", "exact"]
"""How the hyper-gradient is estimated."""

ESTIMATORS: dict[str, Callable[[], HyperGradient]] = {
    "identity": Identity,
    "neumann": Neumann,
    "cg": ConjugateGradient,
    "unrolled": Unrolled,
}


@dataclass(frozen=True)
class SearchSettings:
    """How a training loss is searched for.

    Attributes
    ----------
    learn : tuple of {"weight", "additive", "multiplicative"}
        Which of w, l and Delta are learnt.
    warmup : float
        Share of the steps before the loss begins to change.
    outer_steps : int
        How often it changes, evenly spread over the steps that are left, five of which or more
        lie between. With a learning rate
        that falls to 0 and steps of Adam, whose size is the rate whatever the gradient's, a term
        moves by at most half of ``outer_steps * learning_rate``: that is the trust region without
        which a search on few validation rows runs away, whatever the length of training.
    learning_rate : float
        Of the terms, at the start.
    batch_size : int
        Validation rows that an outer step is judged on; all of them where there are fewer.
    hypergradient : {"identity", "neumann", "cg", "unrolled", "exact"}
        How the hyper-gradient is estimated. "exact" is for a linear model (``hidden=()``), which
        it solves to the end at each outer step instead of training it; warm-up, steps and batches
        are then of no account.
    optimizer : str
        The torch optimizer of the terms, by the name of its class.

    Raises
    ------
    ValueError
        If one is out of its range.
    """

    learn: tuple[Term, ...] = ("additive", "multiplicative")
    warmup: float = 0.4
    outer_steps: int = 100
    learning_rate: float = 0.02
    batch_size: int = 2048
    hypergradient: HyperGradientName = "identity"
    optimizer: str = "Adam"

    def __post_init__(self) -> None:
        learn: object = self.learn
        known = isinstance(learn, tuple | list) and not any(x not in get_args(Term) for x in learn)
        if not known or not learn:
            raise ValueError(
                f"learn must list some of {', '.join(get_args(Term))}, not {self.learn!r}."
            )
        if not _is_number(self.warmup) or not 0 <= self.warmup < 1:
            raise ValueError(f"warmup must be at least 0 and below 1, not {self.warmup!r}.")
        for name in ("outer_steps", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} must be a whole number from 1 up, not {value!r}.")
        if not _is_number(self.learning_rate) or not 0 < self.learning_rate < math.inf:
            raise ValueError(
                "learning_rate, of the terms (outer_learning_rate), must be positive and finite, "
                f"not {self.learning_rate!r}."
            )
        if self.hypergradient not in get_args(HyperGradientName):
            raise ValueError(
                f"hypergradient must be one of {', '.join(get_args(HyperGradientName))}, not "
                f"{self.hypergradient!r}."
            )
        found = getattr(torch.optim, str(self.optimizer), None)
        is_one = isinstance(found, type) and issubclass(found, torch.optim.Optimizer)
        if not is_one or found is torch.optim.Optimizer:
            raise ValueError(f"optimizer must name a torch optimizer, not {self.optimizer!r}.")

    @classmethod
    def for_promises(cls) -> SearchSettings:
        """Settings for a loss that is designed for promises about groups.

        Where a network does not learn its rows by heart, as of tables, the Hessian is far from a
        multiple of the identity, and rare groups would hardly be heard. Additive terms alone
        suffice to move rates, and must be able to move far.

        Returns
        -------
        SearchSettings
        """
        return cls(learn=("additive",), learning_rate=0.1, hypergradient="cg")

    @property
    def exact(self) -> bool:
        """Whether the inner problem is solved and not trained."""
        return self.hypergradient == "exact"


def _is_number(value: object) -> bool:
    return isinstance(value, Real)
