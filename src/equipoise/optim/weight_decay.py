"""Whether weight decay is part of a loss."""

from __future__ import annotations

from typing import Any

import torch


def is_decoupled(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> bool:
    """Whether an optimizer's weight decay shrinks parameters by itself, as that of AdamW does.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
    group : dict
        One of its groups of parameters.

    Returns
    -------
    bool
    """
    # Recent versions of torch say it in the group; earlier ones only by the class.
    return bool(group.get("decoupled_weight_decay")) or isinstance(optimizer, torch.optim.AdamW)
