"""How the rates of groups fall apart, and the promise that they do not.

``gap("selection") <= 0.05`` is a :class:`Constraint`: it prints as it reads, the printed text
parses to the same constraint, and every method and the command line accept it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.rates import RATES, SYNONYMS, Rate, find_rate

Kind = Literal["gap", "ratio", "worst"]
Sense = Literal["<=", ">="]


@dataclass(frozen=True)
class Disparity:
    """One figure that says how far the rates of the groups fall apart.

    Attributes
    ----------
    kind : {"gap", "ratio", "worst"}
        Largest minus smallest; smallest over largest; or the rate of the group that is worst
        off (the largest of an error or a loss, the smallest of anything else). A rate of several
        components takes the worst of them.
    rate : Rate
    """

    kind: Kind
    rate: Rate

    def __post_init__(self) -> None:
        if self.kind == "worst" and self.rate.parts:
            parts = " or ".join(f'worst("{part}")' for part in self.rate.parts)
            raise ValueError(f"{self} has no worst end: its parts do not agree; use {parts}.")

    def __str__(self) -> str:
        return f'{self.kind}("{self.rate}")'

    def __le__(self, bound: float) -> Constraint:
        return Constraint(self, "<=", bound)

    def __ge__(self, bound: float) -> Constraint:
        return Constraint(self, ">=", bound)

    @classmethod
    def parse(cls, text: str | Disparity) -> Disparity:
        """Read a disparity as it prints.

        Parameters
        ----------
        text : str or Disparity
            ``gap("selection")``, or a name of Fairlearn's such as
            ``demographic_parity_difference``.

        Returns
        -------
        Disparity

        Raises
        ------
        ValueError
            If it does not parse or names an unknown rate.
        """
        if isinstance(text, Disparity):
            return text
        match = _DISPARITY.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise ValueError(
                f"cannot read the disparity {text!r}; write it like 'gap(\"selection\")', "
                "'ratio(\"selection\")' or 'worst(\"accuracy\")'."
            )
        if match["kind"]:
            return cls(_kind(match["kind"]), find_rate(match["rate"]))
        return _fairlearn_name(match["name"])

    @property
    def limits(self) -> tuple[float, float]:
        """The range of the figure: losses have no upper end, shares lie between 0 and 1."""
        return (0.0, math.inf if self.rate.of_loss else 1.0)

    @property
    def sense(self) -> Sense:
        """The side on which this figure can be bounded."""
        if self.kind == "gap" or (self.kind == "worst" and self.rate.better == "low"):
            return "<="
        return ">="

    def value(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """The figure, from the rates of the groups.

        Parameters
        ----------
        rates : ndarray of float64, shape (..., c, g)
            As :meth:`equipoise.rates.Rate.values` gives them.

        Returns
        -------
        ndarray of float64, shape (...)
            NaN where the rate of a group is undefined: what is not known is not compared. The
            ratio of rates that are all 0 is undefined too.
        """
        figures = self.of_components(rates)
        return figures.max(axis=-1) if self.sense == "<=" else figures.min(axis=-1)

    def of_components(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """The figure of each component of the rate alone, such as of each class.

        Parameters
        ----------
        rates : ndarray of float64, shape (..., c, g)

        Returns
        -------
        ndarray of float64, shape (..., c)
            NaN where undefined.
        """
        low, high = rates.min(axis=-1), rates.max(axis=-1)
        if self.kind == "gap":
            return high - low
        if self.kind == "worst":
            return high if self.sense == "<=" else low
        undefined = np.full(np.shape(high), np.nan)
        return np.divide(low, high, out=undefined, where=high > 0)


@dataclass(frozen=True)
class Constraint:
    """A promise about a disparity, such as ``gap("selection") <= 0.05``.

    Attributes
    ----------
    disparity : Disparity
    sense : {"<=", ">="}
    bound : float

    Raises
    ------
    ValueError
        If the bound is outside the range of the disparity, or on its wrong side.
    """

    disparity: Disparity
    sense: Sense
    bound: float

    def __post_init__(self) -> None:
        what = self.disparity
        if isinstance(self.bound, bool) or not isinstance(self.bound, (int, float, np.number)):
            raise ValueError(f"the bound of {what} must be a number, not {self.bound!r}.")
        object.__setattr__(self, "bound", float(self.bound))
        if self.sense != what.sense:
            side = "from above (<=)" if what.sense == "<=" else "from below (>=)"
            raise ValueError(
                f"{what} is bounded {side}: '{what} {self.sense} {self.bound:g}' would ask "
                "for unfairness."
            )
        if what.rate.of_loss:
            if what.kind == "ratio":
                raise ValueError("a ratio of losses has no bound that means anything; use gap.")
            valid, span = 0 <= self.bound < math.inf, "at least 0"
        else:
            valid, span = 0 <= self.bound <= 1, "between 0 and 1"
        if not valid:
            raise ValueError(
                f"'{what} {self.sense} {self.bound:g}' cannot be met or cannot be broken: the "
                f"bound must be {span}."
            )

    def __str__(self) -> str:
        return f"{self.disparity} {self.sense} {_shortest(self.bound)}"

    @classmethod
    def parse(cls, text: str | Constraint) -> Constraint:
        """Read a constraint as it prints.

        Parameters
        ----------
        text : str or Constraint
            ``gap("selection") <= 0.05``, with either quote or none, or Fairlearn's names:
            ``demographic_parity_difference <= 0.05``, ``equalized_odds_ratio >= 0.8``,
            ``disparate_impact >= 0.8``.

        Returns
        -------
        Constraint

        Raises
        ------
        ValueError
            If it does not parse, or names an unknown rate or a bound that cannot be met.
        """
        if isinstance(text, Constraint):
            return text
        if not isinstance(text, str):
            raise ValueError(
                f"the constraint must be text or a Constraint, not {text!r}; write it like "
                "'gap(\"selection\") <= 0.05'."
            )
        match = _GRAMMAR.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"cannot read the constraint {text!r}; write it like "
                "'gap(\"selection\") <= 0.05', 'ratio(\"selection\") >= 0.8' or "
                "'worst(\"accuracy\") >= 0.7'."
            )
        parts = match.groupdict()
        disparity = Disparity.parse(parts["disparity"])
        sense: Sense = "<=" if parts["sense"] == "<=" else ">="
        return cls(disparity, sense, float(parts["bound"]))

    def kept_by(self, rates: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether rates keep the promise; undefined rates do not.

        Parameters
        ----------
        rates : ndarray of float64, shape (..., c, g)

        Returns
        -------
        ndarray of bool, shape (...)
        """
        value = self.disparity.value(rates)
        return value <= self.bound if self.sense == "<=" else value >= self.bound

    def tightened(self, margin: float) -> Constraint:
        """The same promise, stricter by a margin, as far as its range allows.

        Parameters
        ----------
        margin : float
            In the units of the disparity, at least 0.

        Returns
        -------
        Constraint
        """
        if margin < 0:
            raise ValueError(f"margin must be at least 0, not {margin:g}.")
        top = math.inf if self.disparity.rate.of_loss else 1.0
        bound = self.bound - margin if self.sense == "<=" else self.bound + margin
        # Rounded, so that 0.05 less 0.04 reads 0.01.
        bound = round(min(max(bound, 0.0), top), 12)
        # Rounding must not loosen what had more digits.
        bound = min(bound, self.bound) if self.sense == "<=" else max(bound, self.bound)
        return Constraint(self.disparity, self.sense, bound)

    def violations(self, rates: Any) -> Any:
        """The promise as inequalities ``v <= 0``, differentiable in the rates.

        A gap of g groups is 2 g inequalities and not g (g - 1): every rate lies within half the
        bound of the middle between the largest and the smallest, which holds exactly when the gap
        does.

        Parameters
        ----------
        rates : torch.Tensor, shape (..., c, g)
            None undefined.

        Returns
        -------
        torch.Tensor, shape (..., m)
            With m = 2 c g for a gap and c g otherwise; positive where broken.
        """
        kind = self.disparity.kind
        if kind == "worst":
            excess = rates - self.bound if self.sense == "<=" else self.bound - rates
            return excess.flatten(-2)
        high = rates.max(dim=-1, keepdim=True).values
        if kind == "ratio":
            return (self.bound * high - rates).flatten(-2)
        import torch

        away = rates - (high + rates.min(dim=-1, keepdim=True).values) / 2
        return (torch.stack([away, -away], dim=-3) - self.bound / 2).flatten(-3)

    def n_violations(self, n_classes: int, n_groups: int) -> int:
        """How many inequalities :meth:`violations` returns.

        Parameters
        ----------
        n_classes, n_groups : int

        Returns
        -------
        int
        """
        return self.n_violations_of(self.disparity.rate.n_components(n_classes), n_groups)

    def n_violations_of(self, n_components: int, n_groups: int) -> int:
        """How many inequalities :meth:`violations` returns for rates of a shape.

        Parameters
        ----------
        n_components, n_groups : int

        Returns
        -------
        int
        """
        return n_components * n_groups * (2 if self.disparity.kind == "gap" else 1)


def gap(rate: str | Rate) -> Disparity:
    """Largest minus smallest rate over the groups.

    Parameters
    ----------
    rate : str or Rate
        Such as ``"selection"``, ``"true_positive"``, ``"equalized_odds"``.

    Returns
    -------
    Disparity
        Compare it with a number to make a constraint: ``gap("selection") <= 0.05``.
    """
    return Disparity("gap", find_rate(rate))


def ratio(rate: str | Rate) -> Disparity:
    """Smallest over largest rate over the groups; the four-fifths rule bounds it by 0.8.

    Parameters
    ----------
    rate : str or Rate

    Returns
    -------
    Disparity
    """
    return Disparity("ratio", find_rate(rate))


def worst(rate: str | Rate) -> Disparity:
    """The rate of the group that is worst off.

    Parameters
    ----------
    rate : str or Rate

    Returns
    -------
    Disparity
    """
    return Disparity("worst", find_rate(rate))


_DISPARITY_PATTERN = r"""
    (?: (?P<kind> gap | ratio | worst ) \s* \( \s*
        (?P<quote> ["']? ) (?P<rate> [A-Za-z][\w \-]*? ) (?P=quote) \s* \)
      | (?P<name> [A-Za-z][\w ]*? ) )
"""
_DISPARITY = re.compile(_DISPARITY_PATTERN, re.VERBOSE)
_GRAMMAR = re.compile(
    rf"""
    (?P<disparity> {_DISPARITY_PATTERN} )
    \s* (?P<sense> <= | >= ) \s*
    (?P<bound> [-+]? (?: \d+ (?: \.\d* )? | \.\d+ ) (?: [eE][-+]?\d+ )? )
    """,
    re.VERBOSE,
)


def _kind(text: str) -> Kind:
    return "gap" if text == "gap" else "ratio" if text == "ratio" else "worst"


def _fairlearn_name(name: str) -> Disparity:
    key = name.strip().lower().replace(" ", "_")
    # Disparate impact is by its definition a ratio; the other names mean a difference.
    kind: Kind = "ratio" if key == "disparate_impact" else "gap"
    for ending, meaning in (("_difference", "gap"), ("_ratio", "ratio")):
        if key.endswith(ending):
            key, kind = key.removesuffix(ending), _kind(meaning)
    if key not in RATES and key not in SYNONYMS:
        raise ValueError(
            f"unknown disparity {name!r}; write gap, ratio or worst of a rate, such as "
            'gap("selection"), or a name such as demographic_parity_difference.'
        )
    return Disparity(kind, find_rate(key))


def _shortest(bound: float) -> str:
    text = repr(bound)
    return text.removesuffix(".0")
