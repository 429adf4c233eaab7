"""The iterates of a run, kept to choose a mixture of them at its end."""

from __future__ import annotations

import torch
from torch import Tensor

from equipoise.learn.mixed import MixedMLP, Network, side_by_side
from equipoise.learn.network import StackedMLP
from equipoise.optim.constrained import shrink


class Snapshots:
    """Iterates of a stacked network with what was measured at each.

    Parameters
    ----------
    network : StackedMLP
        Of r replicates.
    """

    def __init__(self, network: StackedMLP) -> None:
        self._network = network
        self._kept: list[dict[str, Tensor]] = []
        self._objective: list[Tensor] = []
        self._violations: list[Tensor] = []

    def keep(self, objective: Tensor, violations: Tensor) -> None:
        """Keep the network as it is now.

        Parameters
        ----------
        objective : Tensor, shape (r,)
        violations : Tensor, shape (r, m)
            To be at most 0 in expectation over a mixture.
        """
        self._kept.append({name: x.clone() for name, x in self._network.state_dict().items()})
        self._objective.append(objective.double().cpu())
        self._violations.append(violations.double().cpu())

    def mixed(self) -> Network:
        """The best mixture of what was kept, for each replicate.

        Returns
        -------
        MixedMLP

        Raises
        ------
        FloatingPointError
            If a replicate has no iterate at which all was finite.
        """
        objective, violations = torch.stack(self._objective, 1), torch.stack(self._violations, 1)
        finite = objective.isfinite() & violations.isfinite().all(-1)
        if not bool(finite.any(1).all()):
            raise FloatingPointError(
                "training diverged: the loss or a rate was not finite at any iterate looked at; a "
                "smaller learning_rate may cure it."
            )
        mixtures = []
        for j, (f, v, fine) in enumerate(zip(objective, violations, finite, strict=True)):
            points = torch.nonzero(fine)[:, 0]
            chances = torch.from_numpy(shrink(f[points].numpy(), v[points].numpy()).weights)
            drawn = chances > 0
            weights = {
                name: torch.stack([self._kept[at][name][j] for at in points[drawn].tolist()])
                for name in self._kept[0]
            }
            members = StackedMLP.from_weights(self._network.sizes, weights)
            mixtures.append(MixedMLP(members, chances[drawn][None]))
        return side_by_side(mixtures).to(self._network.weights[0].device)
