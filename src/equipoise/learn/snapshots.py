"""The iterates of a run, kept to choose a mixture of them at its end."""

from __future__ import annotations

import torch
from torch import Tensor

from equipoise.learn.mixed import MixedMLP
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

    def mixed(self) -> MixedMLP:
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
        chosen: list[list[tuple[int, float]]] = []  # of each replicate: iterates, probabilities
        for f, v, fine in zip(objective, violations, finite, strict=True):
            points = torch.nonzero(fine)[:, 0]
            best = shrink(f[points].numpy(), v[points].numpy())
            pairs = zip(points.tolist(), best.weights.tolist(), strict=True)
            chosen.append([(point, chance) for point, chance in pairs if chance > 0])
        most = max(map(len, chosen))
        # Mixtures of fewer are filled up with members that are never drawn.
        chosen = [(one + [(one[0][0], 0.0)] * most)[:most] for one in chosen]
        weights = {
            name: torch.stack(
                [self._kept[at][name][j] for j, one in enumerate(chosen) for at, _ in one]
            )
            for name in self._kept[0]
        }
        drawn = [[chance for _, chance in one] for one in chosen]
        chances = torch.tensor(drawn, dtype=torch.float64)
        members = StackedMLP.from_weights(self._network.sizes, weights)
        return MixedMLP(members, chances).to(self._network.weights[0].device)
