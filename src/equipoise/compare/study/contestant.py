"""What a study compares: optimizers, and two ways of heeding groups as lines of reference."""

from __future__ import annotations

from dataclasses import dataclass

from equipoise.compare.rate_search import usual_place


@dataclass(frozen=True)
class Contestant:
    """An optimizer, with the rows that it is shown.

    Attributes
    ----------
    name : str
    optimizer : str
        As :func:`equipoise.learn.optimizers.make_optimizer` knows it.
    weight_decay : float
    balanced : bool
        Whether batches have as many rows of each group.
    robust : bool
        Whether the weights of the groups' losses follow these losses: group DRO.
    """

    name: str
    optimizer: str
    weight_decay: float = 0.0
    balanced: bool = False
    robust: bool = False

    @property
    def place(self) -> int:
        """Of the learning rate that is usual, in half decades: 10^(place / 2)."""
        return usual_place(self.optimizer)

    @property
    def heeds_groups(self) -> bool:
        """Whether training knows of groups: a line of reference, and no mere optimizer."""
        return self.balanced or self.robust


_PLAIN = (
    "SGD",
    "Momentum",
    "Nesterov",
    "NormalisedSGD",
    "Adagrad",
    "RMSprop",
    "Adam",
    "AdamW",
    "NAdam",
    "Adafactor",
    "Muon",
    "SOAP",
    "Sophia",
    "SAM",
    "SAMAdam",
    "Lion",
    "SignSGD",
)
# What torch takes by default: decay is all that sets it apart from Adam.
_DECAY = {"AdamW": 0.01}

CONTESTANTS: dict[str, Contestant] = {
    **{name: Contestant(name, name, _DECAY.get(name, 0.0)) for name in _PLAIN},
    "balanced SGD": Contestant("balanced SGD", "Momentum", balanced=True),
    "group DRO": Contestant("group DRO", "Momentum", balanced=True, robust=True),
}
"""All of them, by name. The lines of reference take steps of SGD with momentum."""
