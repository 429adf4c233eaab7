"""Which constraints there are: their names, how many each name has, and which are equations."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

_ALL = "constraints"


class Layout:
    """All constraints as one flat vector, of which names are slices.

    However many groups of constraints there are, one tensor holds them, so that a step costs the
    same.

    Parameters
    ----------
    sizes : int or mapping from str to int
        How many constraints there are, m, or how many under each name, in this order.
    equalities : collection of str
        Names whose constraints are to be 0 and not at most 0. Constraints without names are all
        called ``"constraints"``.

    Raises
    ------
    ValueError
        If a size is not a whole number of at least 0, or an equality is not among the names.
    """

    def __init__(self, sizes: int | Mapping[str, int], equalities: Collection[str] = ()) -> None:
        named = dict(sizes) if isinstance(sizes, Mapping) else {_ALL: sizes}
        for name, size in named.items():
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                what = "n_constraints" if name == _ALL else f"the size of {name!r}"
                raise ValueError(f"{what} must be a whole number of at least 0, not {size!r}.")
        unknown = sorted({*equalities} - {*named})
        if isinstance(equalities, str) or unknown:
            raise ValueError(
                f"equalities must be names of constraints, of {list(named)}, not {equalities!r}."
            )
        self.sizes = named
        self.equalities = tuple(name for name in named if name in equalities)
        self.n_constraints = sum(named.values())
        self._single = bool(named) and set(named.values()) == {1}
        self.slices: dict[str, slice] = {}
        start = 0
        for name, size in named.items():
            self.slices[name] = slice(start, start + size)
            start += size

    def __repr__(self) -> str:
        return f"Layout({self.sizes}, equalities={self.equalities})"

    def lower_bound(self, like: Tensor) -> Tensor | float:
        """The least that multipliers may be: 0 for inequalities, anything for equations.

        Parameters
        ----------
        like : Tensor
            Of whose type and device it is.

        Returns
        -------
        float or Tensor, shape (m,)
        """
        if len(self.equalities) == len(self.sizes):
            return -math.inf
        if not self.equalities:
            return 0.0
        lower = torch.zeros(self.n_constraints, dtype=like.dtype, device=like.device)
        for name in self.equalities:
            lower[self.slices[name]] = -math.inf
        return lower

    def flatten(self, named: Mapping[str, Tensor]) -> Tensor:
        """Named constraints as one vector.

        Parameters
        ----------
        named : mapping from str to Tensor, shape (..., size) or () for a single one
            Every name of the layout.

        Returns
        -------
        Tensor, shape (..., m)
        """
        if named.keys() != self.sizes.keys():
            raise ValueError(
                f"the closure returned constraints named {list(named)}, but they were declared as "
                f"{list(self.sizes)}."
            )
        parts = [named[name] for name in self.sizes]
        if self._single and not any(map(Tensor.dim, parts)):
            return torch.stack(parts)  # a single node of autograd, instead of one each
        parts = [x if x.dim() else x[None] for x in parts]
        leading = parts[0].shape[:-1] if parts else ()
        for part, (name, size) in zip(parts, self.sizes.items(), strict=True):
            if part.shape != (*leading, size):
                raise ValueError(
                    f"the constraints {name!r} are to have shape {(*leading, size)}, but the "
                    f"closure returned a tensor of shape {tuple(part.shape)}."
                )
        return torch.cat(parts, dim=-1) if parts else torch.zeros(0)

    def to_dict(self) -> dict[str, Any]:
        """The layout as plain values.

        Returns
        -------
        dict
        """
        return {"sizes": dict(self.sizes), "equalities": list(self.equalities)}

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """The slices of a flat vector by name, which share its memory.

        Parameters
        ----------
        flat : Tensor, shape (..., m)

        Returns
        -------
        dict of Tensor
        """
        return {name: flat[..., where] for name, where in self.slices.items()}

    def name_of(self, number: int) -> str:
        """What the constraint of a number is called.

        Parameters
        ----------
        number : int
            From 0 to m - 1.

        Returns
        -------
        str
        """
        for name, where in self.slices.items():
            if where.start <= number < where.stop:
                return name if self.sizes[name] == 1 else f"{name}[{number - where.start}]"
        raise IndexError(number)
