"""How the maximizer answers a move, and with what the answer is compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from typing_extensions import override

from equipoise.optim.minmax.method import require_positive, require_whole
from equipoise.optim.minmax.player import Closure, Player


class ResponseLimitWarning(UserWarning):
    """The maximizer did not come to rest within its limit, and the proposal is refused."""


class Answer(NamedTuple):
    """What a response did.

    Attributes
    ----------
    n_steps : int
    stationarity : float or None
        Norm of the gradient mapping in the end; None where it was not asked for.
    reached : bool
        Whether it came to its end.
    """

    n_steps: int
    stationarity: float | None
    reached: bool


class Response(ABC):
    """A policy: how y is moved uphill, and what f is compared with.

    Attributes
    ----------
    settles : bool
        Whether y is brought to rest at the present x before anything is proposed.
    counterfactual : bool
        Whether f after the move is compared with what f would have become without it.
    keeps : bool
        Whether the answer outlives a proposal that is refused.
    """

    settles: ClassVar[bool] = False
    counterfactual: ClassVar[bool] = False
    keeps: ClassVar[bool] = False

    @abstractmethod
    def answer(self, maximizer: Player, closure: Closure) -> Answer:
        """Move y uphill.

        Parameters
        ----------
        maximizer : Player
        closure : callable

        Returns
        -------
        Answer
        """


@dataclass(frozen=True)
class Stationary(Response):
    """The theory's: up to where the gradient is small.

    y is at rest before the move and after it, so f there is what the minimizer can count on, and
    the two are compared. Take a tolerance far above the noise of a batch's gradient, or full
    batches. A game that is linear in y ends at the edge of its set: without one, it has no end.

    Parameters
    ----------
    tolerance : float
        eps: norm of the gradient mapping at which y is at rest. The paper lets it grow by a little
        after every move that is accepted, from eps / 2 to eps, so that paths can be chained in its
        proof; here it is fixed, as in the authors' programs.
    limit : int
        At most as many steps.
    """

    settles: ClassVar[bool] = True
    tolerance: float = 1e-3
    limit: int = 10_000

    def __post_init__(self) -> None:
        require_positive("tolerance", self.tolerance)
        require_whole("limit", self.limit, 1)

    @override
    def answer(self, maximizer: Player, closure: Closure) -> Answer:
        for n in range(self.limit + 1):
            gradient = maximizer.gradient(closure)
            stationarity = maximizer.stationarity(gradient)
            if stationarity <= self.tolerance:
                return Answer(n, stationarity, True)
            if n < self.limit:
                maximizer.move(gradient)
        return Answer(self.limit, stationarity, False)


@dataclass(frozen=True)
class Counterfactual(Response):
    """Honest for any k: k steps after the move, compared with k steps without it.

    y that is not at rest gains from its steps even if x stays, so that f after any move is above f
    before it, and a comparison of the two refuses everything. Compared with what the same k steps
    on the same random numbers would have gained without the move, only the move counts. It costs k
    more steps of the maximizer.

    Parameters
    ----------
    k : int
    """

    counterfactual: ClassVar[bool] = True
    k: int = 1

    def __post_init__(self) -> None:
        require_whole("k", self.k, 0)

    @override
    def answer(self, maximizer: Player, closure: Closure) -> Answer:
        return _climb(maximizer, closure, self.k)


@dataclass(frozen=True)
class KeepResponse(Response):
    """The cheap one: k steps, compared with f before them, and kept if x goes back.

    Most moves are refused until y is at rest, and as the maximizer goes on climbing all the while
    it comes to be. No theory covers it.

    Parameters
    ----------
    k : int
    """

    keeps: ClassVar[bool] = True
    k: int = 1

    def __post_init__(self) -> None:
        require_whole("k", self.k, 0)

    @override
    def answer(self, maximizer: Player, closure: Closure) -> Answer:
        return _climb(maximizer, closure, self.k)


def _climb(maximizer: Player, closure: Closure, k: int) -> Answer:
    for _ in range(k):
        maximizer.move(maximizer.gradient(closure))
    return Answer(k, None, True)
