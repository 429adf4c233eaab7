"""What is compared: the paper's rule with three responses, its peers, and the controls.

A verdict for accept/reject means little unless three controls lose to it: descent-ascent at the
same k, a coin that accepts as often, and a generator that skips as many of its moves at random.
The controls take the rate that was measured on the same seed, so they are run after the judged
variant and in the same cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from torch import Tensor

from equipoise.optim.minmax import Counterfactual, KeepResponse, Stationary
from equipoise.reproduce.minmax.stack.accept_reject import StackedAcceptReject
from equipoise.reproduce.minmax.stack.coin import CoinMoves
from equipoise.reproduce.minmax.stack.game import Draws, Game
from equipoise.reproduce.minmax.stack.players import Players
from equipoise.reproduce.minmax.stack.wrapped import optimistic, unrolled

GDA_ONCE = "GDA, k = 1"
GDA = "GDA, same k"
OPTIMISTIC = "optimistic"
UNROLLED = "unrolled"
COUNTERFACTUAL = "accept, counterfactual"
KEPT = "accept, kept response"
STATIONARY = "accept, stationary"
COIN = "coin, counterfactual's rate"
SKIP = "skip, counterfactual's rate"
SKIP_KEPT = "skip, kept response's rate"

CONTROLS: dict[str, tuple[str, ...]] = {COUNTERFACTUAL: (COIN, SKIP), KEPT: (SKIP_KEPT,)}
"""By the judged variant whose rate they take."""

POLICIES = (COUNTERFACTUAL, KEPT, STATIONARY)

TITLES: dict[str, str] = {
    GDA_ONCE: "alternating descent-ascent, one step of each player",
    GDA: "alternating descent-ascent, k steps of the discriminator a step of the generator",
    OPTIMISTIC: "optimistic Adam for both players on the same value; the paper's peer has another "
    "loss, with weights clipped",
    UNROLLED: "the generator's gradient through k steps of plain ascent",
    COUNTERFACTUAL: "a move stays if f after k steps of the discriminator is below what the same k "
    "steps reach without the move; else both players are rolled back",
    COIN: "both players move or neither does, as a coin says: descent-ascent at the same k, taken "
    "at fewer steps",
    SKIP: "the discriminator takes its k steps always, the generator its step as a coin says",
    KEPT: "a move stays if f after k steps is below f before them; else the generator is rolled "
    "back and the discriminator is not",
    SKIP_KEPT: "the same at another rate: what is left of the kept response without its judge",
    STATIONARY: "the discriminator climbs until its gradient on the batch is small, before the "
    "move and after it; what is not at rest within the limit is refused",
}


@dataclass(frozen=True)
class Plan:
    """How everybody is trained.

    Attributes
    ----------
    k : int
        Steps of the discriminator that answer one of the generator.
    min_rate, max_rate : float
        Of Adam, whose first moment decays by 0.5.
    free_pass : float
        Probability that a move stays though the value did not fall.
    iterations : int
        Proposals, or steps of the generator.
    looks : int
        How often it is looked at what there is.
    ahead_rate : float
        Of the ascent of the unrolled variant.
    tolerance : float
        Norm of the discriminator's gradient at which it is at rest.
    limit : int
        Steps that it may take to come to rest.
    """

    k: int
    min_rate: float
    max_rate: float
    free_pass: float
    iterations: int
    looks: int
    ahead_rate: float = 0.1
    tolerance: float = 0.3
    limit: int = 20

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON can hold it."""
        return asdict(self)


class Method(Protocol):
    """What trains a stack."""

    @property
    def gradients(self) -> Tensor:
        """Gradients of one player on one batch that each replicate has needed, shape (r,)."""

    @property
    def moves(self) -> Tensor:
        """Moves of each generator that stayed, shape (r,)."""

    def step(self) -> Tensor:
        """One step of each replicate; which generators moved, shape (r,)."""


def make_method(
    name: str, game: Game, draws: Draws, plan: Plan, seeds: Sequence[int], rates: Sequence[float]
) -> Method:
    """A variant, ready to train.

    Parameters
    ----------
    name : str
    game : Game
    draws : Draws
    plan : Plan
    seeds : sequence of int, length r
        Of coins and free passes.
    rates : sequence of float, length r
        Of coins; only controls read them.

    Returns
    -------
    Method

    Raises
    ------
    ValueError
        If there is no such variant.
    """
    pace = plan.min_rate, plan.max_rate
    if name == OPTIMISTIC:
        return optimistic(game, draws, *pace)
    if name == UNROLLED:
        return unrolled(game, draws, *pace, plan.k, plan.ahead_rate)
    players = Players(game, *pace)
    judges: dict[str, Counterfactual | KeepResponse | Stationary] = {
        COUNTERFACTUAL: Counterfactual(plan.k),
        KEPT: KeepResponse(plan.k),
        STATIONARY: Stationary(plan.tolerance, plan.limit),
    }
    if name in judges:
        return StackedAcceptReject(players, draws, judges[name], plan.free_pass, seeds)
    always = [1.0] * len(seeds)
    if name in (GDA_ONCE, GDA):
        k = 1 if name == GDA_ONCE else plan.k
        return CoinMoves(players, draws, k, always, True, seeds)
    if name in (COIN, SKIP, SKIP_KEPT):
        return CoinMoves(players, draws, plan.k, rates, name != COIN, seeds)
    raise ValueError(f"no variant is called {name!r}; there are {', '.join(TITLES)}.")
