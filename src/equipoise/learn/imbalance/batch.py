"""What every loss asks of the batch that it is given."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["read_logits", "require_codes", "right_class"]

_HALF = (torch.float16, torch.bfloat16)


def read_logits(logits: Tensor, n_classes: int | None = None) -> Tensor:
    """Take logits in at least single precision: half of it loses small gradients.

    Parameters
    ----------
    logits : Tensor, shape (b, K)
    n_classes : int, optional
        K, where it is known.

    Returns
    -------
    Tensor, shape (b, K)

    Raises
    ------
    ValueError
        If the shape or type is another, or there is no row.
    """
    fits = logits.dim() == 2 and logits.is_floating_point() and logits.numel() > 0
    if not fits or logits.shape[1] < 2 or n_classes not in (None, logits.shape[1]):
        width = "K" if n_classes is None else n_classes
        raise ValueError(
            f"logits must be floating-point of shape (b, {width}), one a class and at least one "
            f"row, not {logits.dtype} of shape {tuple(logits.shape)}."
        )
    return logits.float() if logits.dtype in _HALF else logits


def require_codes(name: str, codes: Tensor, n_rows: int, most: int | None) -> None:
    """Refuse what are no codes: torch would count a negative one from the end.

    Parameters
    ----------
    name : str
        The argument.
    codes : Tensor of int64, shape (b,)
    n_rows : int
        b, of the logits.
    most : int or None
        They are to be less than this, where it is known.

    Raises
    ------
    ValueError
        If the shape or type is another, or a code is out of its range.
    """
    if codes.shape != (n_rows,) or codes.dtype != torch.int64:
        raise ValueError(
            f"{name} must be int64 of shape ({n_rows},), one a row of the logits, not "
            f"{codes.dtype} of shape {tuple(codes.shape)}."
        )
    low, high = torch.stack(torch.aminmax(codes)).tolist()
    if low < 0 or (most is not None and high >= most):
        span = "0 and up" if most is None else f"0..{most - 1}"
        raise ValueError(f"{name} must lie in {span}, but ranges from {low} to {high}.")


def right_class(values: Tensor, label: Tensor) -> Tensor:
    """What each row holds for its own label.

    Parameters
    ----------
    values : Tensor, shape (b, K)
    label : Tensor of int64, shape (b,)

    Returns
    -------
    Tensor, shape (b,)
    """
    return values.gather(1, label[:, None]).squeeze(1)
