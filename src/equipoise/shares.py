"""Bounds of a group's share, as they are written: ``"women >= 0.3"``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol

Sense = Literal[">=", "<="]

SHARE = r"\d*\.?\d+(?:[eE]-?\d{1,3})?|\d+\s*/\s*\d+"
"""A share as it is written: a number, or a fraction such as 1/3."""

# Floats such as 0.29 and 1/3 are binary approximations of the share that was meant, which is the
# simplest fraction nearby. It differs from the float by less than 1e-12: of a million rows, by a
# millionth of a row. What is written with more digits than that is rounded likewise, since rows
# times denominators have to stay within 64 bits.
_LARGEST_DENOMINATOR = 1_000_000

_FORM = re.compile(rf"(?P<group>.+?)\s*(?P<sense>>=|<=)\s*(?P<share>{SHARE})")


@dataclass(frozen=True)
class ShareBound:
    """A bound of the share of a group.

    Attributes
    ----------
    group : str
    sense : {">=", "<="}
        At least, or at most.
    share : Fraction
        Between 0 and 1.
    """

    group: str
    sense: Sense
    share: Fraction

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(
                f"the share of {self.group!r} must lie between 0 and 1, not {float(self.share):g}."
            )

    @classmethod
    def parse(cls, text: str | ShareBound) -> ShareBound:
        """Read a bound as it prints.

        Parameters
        ----------
        text : str or ShareBound
            ``"women >= 0.3"`` or ``"women <= 1/2"``; the name of the group is all before the sign.

        Returns
        -------
        ShareBound

        Raises
        ------
        ValueError
            If it does not parse, or the share is none.
        """
        if isinstance(text, ShareBound):
            return text
        match = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise ValueError(
                f"cannot read the bound {text!r}; write it like 'women >= 0.3' or 'women <= 1/2'."
            )
        sense: Any = match["sense"]
        return cls(match["group"], sense, as_share(match["group"], match["share"]))

    def __str__(self) -> str:
        return f"{self.group} {self.sense} {share_text(self.share)}"


def as_share(group: str, share: float | str | Fraction) -> Fraction:
    """The simplest fraction near a share, of a denominator up to a million.

    Parameters
    ----------
    group : str
        Whose it is, for messages.
    share : float, str or Fraction

    Returns
    -------
    Fraction

    Raises
    ------
    ValueError
        If it is no number.
    """
    try:
        exact = Fraction(share.replace(" ", "") if isinstance(share, str) else share)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise ValueError(
            f"the share of {group!r} must be a number between 0 and 1, not {share!r}."
        ) from error
    return exact.limit_denominator(_LARGEST_DENOMINATOR)


def share_text(share: Fraction) -> str:
    """A share as it is read back: decimal where that is exact, else a fraction.

    Parameters
    ----------
    share : Fraction

    Returns
    -------
    str
    """
    return str(float(share)) if Fraction(str(float(share))) == share else str(share)


class _OfGroup(Protocol):
    @property
    def group(self) -> str: ...


def find_group(bound: _OfGroup, names: Sequence[str]) -> int:
    """The group that a bound speaks of.

    Parameters
    ----------
    bound : object with a group
    names : sequence of str

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if bound.group not in names:
        known = ", ".join(map(repr, names[:20]))
        raise ValueError(f"the bound '{bound}' speaks of no group there is: known are {known}.")
    return list(names).index(bound.group)
