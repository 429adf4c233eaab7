"""Cross-entropy with a weight, an additive and a multiplicative logit term for each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from equipoise.codes import to_numpy
from equipoise.learn.imbalance.batch import read_logits, require_codes, right_class

__all__ = ["ParametricCrossEntropy", "Scaling", "Term"]

Term = Literal["weight", "additive", "multiplicative"]
"""What the loss has for each class: w, l and Delta."""

Scaling = Literal["exp", "sigmoid"]
"""How the multiplicative term is kept positive."""

_TERMS: tuple[Term, ...] = get_args(Term)


class ParametricCrossEntropy(nn.Module):
    r"""-w_y log softmax(Delta * f + l)_y, the mean over rows, learnt or fixed.

    Equations 2.1 and 2.2 of Li et al. 2021 (AutoBalance, arXiv 2201.01212), which are the
    vector-scaling loss of Kini et al. 2021 (arXiv 2103.01550); with groups, equation 4.2: a row of
    class y and group g takes its terms from column g, for every class k. Rare classes get smaller
    l and smaller Delta than frequent ones, as smaller ones ask for a larger margin. The terms
    belong to training: predictions are those of the logits as they are.

    Weighted cross-entropy, logit adjustment, CDT and vector scaling are this loss with fixed
    terms. Terms chosen by the label, multiplying all logits of a row, are this loss with the
    label given as the group.

    A learnt term moves away from where it starts by coordinates that begin at 0,

    - l = start + D u,
    - w = start * exp(D u),
    - Delta = start * exp(D u), or sigmoid(logit(start) + D u),

    so that weight decay on the coordinates draws the loss to its start, such as logit adjustment.
    Three directions change nothing that matters: adding a constant to the l of a group, scaling
    all w (a learning rate) and, without weight decay, scaling all Delta (the last layer's size).

    Parameters
    ----------
    n_classes : int
        K, at least 2.
    n_groups : int, optional
        G; the terms are then of a class in a group.
    weight, additive, multiplicative : array-like, shape (K,) or (K, G), optional
        Where w, l and Delta start, or what they are if they are not learnt: 1, 0 and 1. The mean
        is taken over rows, and not divided by their weights, so that give weights a mean of 1
        over rows.
    learn : sequence of {"weight", "additive", "multiplicative"}
        Which of them are parameters.
    dictionary : array-like, or mapping from terms to them, optional
        D, for all learnt terms or for each. Shape (K, K') makes u (K',) or (K', G); shape
        (K, G, K') makes u (K',), shared by groups. Without one u has the shape of the term.
    scaling : {"exp", "sigmoid"}
        "sigmoid" is what equation 2.2 prints. Delta then stays below 1, must start there, and
        starts at sigmoid(1) = 0.731 if nothing else is given, as in the authors' code.

    Attributes
    ----------
    coordinates : ParameterDict
        u by term. ``dict(loss.named_parameters())`` is what an outer optimizer takes, and
        ``torch.func.functional_call`` evaluates the loss at others.

    Raises
    ------
    ValueError
        If a shape or name is wrong, a value is not finite, or a weight or scale not positive.

    Examples
    --------
    The weight of logit adjustment, tau, as the one thing that is learnt:

    >>> from equipoise.learn.imbalance import log_prior
    >>> prior = log_prior([900, 90, 10])
    >>> loss = ParametricCrossEntropy(
    ...     3, additive=prior, learn=["additive"], dictionary=prior[:, None]
    ... )
    >>> {name: tuple(u.shape) for name, u in loss.named_parameters()}
    {'coordinates.additive': (1,)}
    """

    def __init__(
        self,
        n_classes: int,
        n_groups: int | None = None,
        *,
        weight: ArrayLike | Tensor | None = None,
        additive: ArrayLike | Tensor | None = None,
        multiplicative: ArrayLike | Tensor | None = None,
        learn: Sequence[Term] = ("additive", "multiplicative"),
        dictionary: ArrayLike | Tensor | Mapping[Term, ArrayLike | Tensor] | None = None,
        scaling: Scaling = "exp",
    ) -> None:
        super().__init__()
        if n_classes < 2 or (n_groups is not None and n_groups < 1):
            raise ValueError(f"there are too few classes ({n_classes}) or groups ({n_groups}).")
        if scaling not in get_args(Scaling):
            raise ValueError(f"scaling must be 'exp' or 'sigmoid', not {scaling!r}.")
        unknown = [term for term in learn if term not in _TERMS]
        if isinstance(learn, str) or unknown:
            raise ValueError(f"learn must list some of {', '.join(_TERMS)}, not {learn!r}.")
        self.n_classes = n_classes
        self.n_groups = n_groups
        # exp is the default since the term then starts at 1 exactly, where sigmoid(1) changes the
        # temperature of the loss that is searched from; since it never saturates, where a sigmoid
        # stops moving; and since D u is then log Delta, in which CDT's (n / n_max)^gamma is linear.
        self.scaling = scaling
        if multiplicative is None and scaling == "sigmoid":
            multiplicative = torch.full((n_classes,), 1.0).sigmoid()
        given = {"weight": weight, "additive": additive, "multiplicative": multiplicative}
        for term, values in given.items():
            self.register_buffer(f"{term}_start", self._start(term, values))
        matrices = (
            dictionary if isinstance(dictionary, Mapping) else dict.fromkeys(learn, dictionary)
        )
        idle = [term for term in matrices if term not in learn]
        if idle:
            raise ValueError(f"dictionary has a matrix for {idle[0]!r}, which is not learnt.")
        self.coordinates = nn.ParameterDict()
        self._with_dictionary: set[Term] = set()
        for term in dict.fromkeys(learn):
            matrix = self._matrix(term, matrices.get(term))
            if matrix is not None:
                self.register_buffer(f"{term}_dictionary", matrix)
                self._with_dictionary.add(term)
            self.coordinates[term] = nn.Parameter(self._origin(matrix))

    def forward(self, logits: Tensor, label: Tensor, group: Tensor | None = None) -> Tensor:
        """Mean over the rows of a batch.

        Parameters
        ----------
        logits : Tensor, shape (b, K)
            What is in half precision is computed in single.
        label : Tensor of int64, shape (b,)
        group : Tensor of int64, shape (b,), optional
            Needed if, and only if, the terms are of groups.

        Returns
        -------
        Tensor, shape ()
            In nats.

        Raises
        ------
        ValueError
            If shapes or types are wrong, or a code is out of its range.
        """
        return self.per_row(logits, label, group).mean()

    def per_row(self, logits: Tensor, label: Tensor, group: Tensor | None = None) -> Tensor:
        """The loss of each row.

        Parameters
        ----------
        logits, label, group
            As for a call.

        Returns
        -------
        Tensor, shape (b,)
        """
        logits = read_logits(logits, self.n_classes)
        require_codes("label", label, len(logits), self.n_classes)
        if (group is None) != (self.n_groups is None):
            has = "has none" if self.n_groups is None else f"has {self.n_groups}, and needs it"
            raise ValueError(f"group is {'missing' if group is None else 'given'}: the loss {has}.")
        # Under autocast a product of matrices would be in half precision.
        with torch.autocast(logits.device.type, enabled=False):
            weight, additive, multiplicative = (
                self._term(term).to(logits.dtype) for term in _TERMS
            )
            if group is None:
                of_row = weight[label]
            else:
                assert self.n_groups is not None
                require_codes("group", group, len(logits), self.n_groups)
                of_row = weight[label, group]
                additive, multiplicative = additive.T[group], multiplicative.T[group]
            log_probability = torch.log_softmax(multiplicative * logits + additive, dim=1)
        return -of_row * right_class(log_probability, label)

    @property
    def weight(self) -> Tensor:
        """w, shape (K,) or (K, G), with its gradient."""
        return self._term("weight")

    @property
    def additive(self) -> Tensor:
        """l, shape (K,) or (K, G), with its gradient."""
        return self._term("additive")

    @property
    def multiplicative(self) -> Tensor:
        """Delta, shape (K,) or (K, G), with its gradient."""
        return self._term("multiplicative")

    @property
    def centred_additive(self) -> Tensor:
        """The l that matters: less its mean over classes, and without gradient."""
        additive = self.additive.detach()
        return additive - additive.mean(0)

    def _term(self, term: Term) -> Tensor:
        start = self.get_buffer(f"{term}_start")
        if term not in self.coordinates:
            return start
        away = self.coordinates[term]
        if term in self._with_dictionary:
            away = self.get_buffer(f"{term}_dictionary") @ away
        if term == "additive":
            return start + away
        if term == "multiplicative" and self.scaling == "sigmoid":
            return torch.sigmoid(torch.logit(start) + away)
        return start * away.exp()

    @property
    def _shape(self) -> tuple[int, ...]:
        return (self.n_classes,) if self.n_groups is None else (self.n_classes, self.n_groups)

    def _start(self, term: str, values: ArrayLike | Tensor | None) -> Tensor:
        if values is None:
            values = 0.0 if term == "additive" else 1.0
            return torch.full(self._shape, values)
        start = _finite(term, values)
        if start.shape == self._shape[:1] and self.n_groups is not None:
            start = start[:, None].expand(self._shape)
        if start.shape != self._shape:
            raise ValueError(f"{term} must have shape {self._shape}, not {tuple(start.shape)}.")
        if term != "additive" and start.min() <= 0:
            raise ValueError(f"{term} must be positive, but one is {start.min().item():g}.")
        if term == "multiplicative" and self.scaling == "sigmoid" and start.max() >= 1:
            raise ValueError(
                "multiplicative must start below 1 with scaling='sigmoid'; take scaling='exp'."
            )
        return start.clone()

    def _matrix(self, term: str, values: ArrayLike | Tensor | None) -> Tensor | None:
        if values is None:
            return None
        matrix = _finite(f"dictionary of {term}", values)
        shared = self.n_groups is not None and matrix.dim() == 3
        expected = self._shape if shared else self._shape[:1]
        if matrix.shape[:-1] != expected or not matrix.shape[-1]:
            also = "" if self.n_groups is None else f" or {(*self._shape, 'columns')}"
            raise ValueError(
                f"dictionary of {term} must have shape ({self.n_classes}, columns){also}, not "
                f"{tuple(matrix.shape)}; one column is written column[:, None]."
            )
        return matrix

    def _origin(self, matrix: Tensor | None) -> Tensor:
        if matrix is None:
            return torch.zeros(self._shape)
        by_group = self.n_groups is not None and matrix.dim() == 2
        return torch.zeros(matrix.shape[-1], *(self._shape[1:] if by_group else ()))


def _finite(name: str, values: ArrayLike | Tensor) -> Tensor:
    array = np.asarray(to_numpy(values, name))
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers, not {array.tolist()!r}.")
    return torch.tensor(array, dtype=torch.get_default_dtype())
