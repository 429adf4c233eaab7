"""A random choice among networks, made once for each row and for good."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from equipoise.learn.network import StackedMLP

_LOGICAL_33 = (1 << 31) - 1
_LOGICAL_11 = (1 << 53) - 1
_SEED = 0x9E3779B9
# Odd, with about as many bits set as not: the finaliser of MurmurHash3, as signed numbers.
_MIX = (0xFF51AFD7ED558CCD - (1 << 64), 0xC4CEB9FE1A85EC53 - (1 << 64))


class MixedMLP(nn.Module):
    """Networks of which each row is decided by one, drawn with given probabilities.

    The draw is a hash of the row's features, so that equal rows are decided alike and a row is
    decided tomorrow as it was today, which a coin would not do (Cotter, Gupta, Narasimhan 2019,
    NeurIPS, "On making stochastic classifiers deterministic"). Over rows that differ, rates and
    losses are those of the random choice in expectation.

    Parameters
    ----------
    members : StackedMLP
        Of r s networks: the s of the first mixture, then those of the next.
    chances : Tensor, shape (r, s)
        Probabilities of each mixture's members.

    Raises
    ------
    ValueError
        If they are no probabilities, or not as many as there are members.
    """

    chances: Tensor
    hashing: Tensor

    def __init__(self, members: StackedMLP, chances: Tensor) -> None:
        super().__init__()
        chances = chances.double()
        if chances.dim() != 2 or chances.numel() != members.n_replicates:
            raise ValueError(
                f"chances must have shape (r, s) with r s = {members.n_replicates} members, not "
                f"{tuple(chances.shape)}."
            )
        if bool((chances < 0).any()) or not torch.allclose(chances.sum(1), chances.new_ones(())):
            raise ValueError("chances must be probabilities: at least 0, with sum 1 in each row.")
        self.members = members
        self.register_buffer("chances", chances)
        draws = torch.Generator().manual_seed(_SEED)
        odd = torch.randint(-(1 << 62), 1 << 62, (members.sizes[0],), generator=draws) * 2 + 1
        self.register_buffer("hashing", odd)

    @property
    def n_replicates(self) -> int:
        """The number of mixtures, r."""
        return len(self.chances)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Features, hidden units and classes of each network."""
        return self.members.sizes

    def forward(self, features: Tensor) -> Tensor:
        """Logits of the network that is drawn for each row, in every mixture.

        Parameters
        ----------
        features : Tensor, shape (r, b, d) or (b, d)

        Returns
        -------
        Tensor, shape (r, b, k)
        """
        r, s = self.chances.shape
        at = self._uniform(features)
        drawn = (self.chances.cumsum(1)[:, None] <= at[..., None]).sum(-1).clamp(max=s - 1)
        if features.dim() == 3:
            features = features.repeat_interleave(s, 0)
        logits = self.members(features).unflatten(0, (r, s))
        drawn = drawn.expand(r, -1)[:, None, :, None].expand(-1, -1, -1, logits.shape[-1])
        return logits.gather(1, drawn)[:, 0]

    def _uniform(self, features: Tensor) -> Tensor:
        # A number in [0, 1) for each row, from the bits of its features in single precision,
        # which they have wherever they are computed with. Adding 0 makes one zero of the two.
        bits = (features.float() + 0.0).contiguous().view(torch.int32).long()
        mixed = (bits * self.hashing).sum(-1)  # integers wrap around, as they are to
        for factor in _MIX:
            mixed = (mixed ^ ((mixed >> 33) & _LOGICAL_33)) * factor
        mixed = mixed ^ ((mixed >> 33) & _LOGICAL_33)
        return ((mixed >> 11) & _LOGICAL_11).double() / (_LOGICAL_11 + 1)

    def replicate(self, number: int) -> MixedMLP:
        """One of the mixtures, which shares nothing with this.

        Parameters
        ----------
        number : int
            From 0 to r - 1.

        Returns
        -------
        MixedMLP
        """
        s = self.chances.shape[1]
        weights = {
            name: x[number * s : (number + 1) * s] for name, x in self.members.state_dict().items()
        }
        some = StackedMLP.from_weights(self.sizes, weights)
        return self._alike(some, self.chances[number : number + 1])

    def double_precision(self) -> MixedMLP:
        """The same mixtures in double precision; each row is decided by the same network.

        Returns
        -------
        MixedMLP
        """
        return self._alike(self.members.double_precision(), self.chances)

    def _alike(self, members: StackedMLP, chances: Tensor) -> MixedMLP:
        other = MixedMLP(members, chances.clone())
        other.hashing.copy_(self.hashing)
        return other


Network = StackedMLP | MixedMLP
"""What predicts: networks, or random choices among networks."""


def side_by_side(networks: Sequence[Network]) -> Network:
    """Stack networks, or mixtures, in the order in which they are given.

    Parameters
    ----------
    networks : sequence of StackedMLP, or of MixedMLP, of one shape

    Returns
    -------
    StackedMLP or MixedMLP
    """
    plain = [one for one in networks if isinstance(one, StackedMLP)]
    if len(plain) == len(networks):
        return StackedMLP.side_by_side(plain)
    mixtures = [one for one in networks if isinstance(one, MixedMLP)]
    most = max(one.chances.shape[1] for one in mixtures)
    members, chances = [], []
    for one in mixtures:
        r, s = one.chances.shape
        # Mixtures of fewer are filled up with members that are never drawn.
        at = torch.arange(most).clamp(max=s - 1) + s * torch.arange(r)[:, None]
        chosen = {name: x[at.flatten()] for name, x in one.members.state_dict().items()}
        members.append(StackedMLP.from_weights(one.sizes, chosen))
        chances.append(nn.functional.pad(one.chances, (0, most - s)))
    return MixedMLP(StackedMLP.side_by_side(members), torch.cat(chances))


def network_from_weights(sizes: Sequence[int], weights: dict[str, Tensor]) -> Network:
    """Make the network whose state dict is given.

    Parameters
    ----------
    sizes : sequence of int
        Features, hidden units, classes.
    weights : dict of Tensor

    Returns
    -------
    StackedMLP or MixedMLP
    """
    if "chances" not in weights:
        return StackedMLP.from_weights(sizes, weights)
    prefix = "members."
    members = StackedMLP.from_weights(
        sizes, {k.removeprefix(prefix): x for k, x in weights.items() if k.startswith(prefix)}
    )
    network = MixedMLP(members, weights["chances"])
    network.load_state_dict(weights)
    return network
