"""Batches in which every group has rows enough to say something of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.noise import NoisyGroups

# A rate over fewer rows in a batch jumps by more than most promises allow.
_WANTED_ROWS = 16
# Rows of large groups may come to count this much more, as rare ones take their places.
_MOST_IMPORTANCE = 2.0
_PLANNED = 64


def choose_shares(
    groups: Groups,
    label: NDArray[np.int64],
    n_classes: int,
    constraints: Sequence[Constraint],
    batch_size: int,
    *,
    always: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Divide rows into strata, and a batch among them, so that no group is too rare in it.

    Strata are the rows of one membership pattern and one label. Each rate of each group comes to
    rest on at least 16 rows of a batch in the mean; or, where so much is rare that the rest would
    have to give up more than half of its places and its rows to count more than twice, on as many
    as that lets. Strata that serve rare rates grow, by how rare these are, and all others shrink
    alike.

    Parameters
    ----------
    groups : Groups of n rows
    label : ndarray of int, shape (n,)
    n_classes : int
        k.
    constraints : sequence of Constraint
    batch_size : int
    always : bool
        Whether strata are to have their shares also where batches drawn at random would do.

    Returns
    -------
    strata : ndarray of int, shape (n,)
    shares : ndarray, shape (s,)
        Of a batch. Or None instead of both, where batches drawn at random do.
    """
    pattern, members = groups.patterns()
    cell = pattern * n_classes + label
    present, strata = np.unique(cell, return_inverse=True)
    proportion = np.bincount(strata) / len(label)
    of_pattern, of_label = np.divmod(present, n_classes)
    # Which strata each rate of each group rests on, (components x groups, strata).
    rests = [
        members[of_pattern].T[None] & supported[:, None, of_label]
        for supported in (_supported(one, n_classes) for one in constraints)
    ]
    support = np.concatenate([one.reshape(-1, len(present)) for one in rests])
    share = support @ proportion
    support, share = support[share > 0], share[share > 0]
    # Of the rates that a stratum serves, the one with the fewest rows in a batch decides.
    fewest = batch_size * np.where(support, share[:, None], np.inf).min(axis=0, initial=np.inf)
    if (fewest >= _WANTED_ROWS * (1 - 1e-9)).all():
        return (strata, proportion) if always else None

    def boosted(rows: float) -> NDArray[np.float64]:
        return proportion * np.maximum(1.0, rows / fewest)

    # With so many rows asked for, rare rates get that over the sum of the boosted shares, which is
    # what a row that is not boosted comes to count. Both grow with what is asked for.
    least, most = 0.0, _MOST_IMPORTANCE * _WANTED_ROWS
    for _ in range(60):
        rows = (least + most) / 2
        total = boosted(rows).sum()
        if total <= _MOST_IMPORTANCE and rows <= _WANTED_ROWS * total:
            least = rows
        else:
            most = rows
    shares = boosted(least)
    return strata, shares / shares.sum()


def fewest_rows(
    groups: Groups | NoisyGroups,
    label: NDArray[np.int64],
    n_classes: int,
    constraints: Sequence[Constraint],
    batch_size: int,
    importance: NDArray[np.float64] | None,
) -> float:
    """On how many rows of a batch the rarest rate rests in the mean.

    Parameters
    ----------
    groups : Groups or NoisyGroups of n rows
        Of noisy ones as many rows of known group are counted as would tell as much.
    label : ndarray of int, shape (n,)
    n_classes : int
        k.
    constraints : sequence of Constraint
        At least one.
    batch_size : int
    importance : ndarray, shape (n,), or None
        What each row counts where it is drawn, which is as much more seldom.

    Returns
    -------
    float
        Of the rates that rest on any row at all.
    """
    pattern, members = groups.patterns()
    often = np.ones(len(label)) if importance is None else 1 / importance
    drawn = np.bincount(pattern * n_classes + label, often, len(members) * n_classes)
    drawn = drawn.reshape(len(members), n_classes)
    of_group = members.T @ drawn  # (g, k)
    if isinstance(groups, NoisyGroups):
        squares = (members**2).T @ drawn
        of_group = np.divide(
            np.maximum(of_group, 0.0) ** 2, squares, out=np.zeros_like(squares), where=squares > 0
        )
    rows = np.concatenate(
        [(_supported(one, n_classes) @ of_group.T).ravel() for one in constraints]
    )
    return float(batch_size / len(label) * rows[rows > 0].min(initial=np.inf))


def _supported(constraint: Constraint, n_classes: int) -> NDArray[np.bool_]:
    # Which labels the components of the rate may rest on, (c, k).
    rate = constraint.disparity.rate
    if rate.of_loss:
        return np.ones((1, n_classes), dtype=np.bool_)
    return rate.cells(n_classes).denominator.max(axis=-1) > 0


def spread_rows(
    stratum: NDArray[np.integer[Any]], at_most: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Choose rows of all strata, the small ones whole.

    Parameters
    ----------
    stratum : ndarray of int, shape (n,)
    at_most : int
        How many rows. Never more, unless there are more strata: then it is one row of each.

    Returns
    -------
    rows : ndarray of int
        All of them, where there are no more than that. Otherwise there is a number of rows up to
        which strata are taken whole; of the larger ones it is that many, evenly spaced.
    counts : ndarray
        For how many rows each stands, scaled to mean 1: the counts of a stratum's rows add up to
        its share.
    """
    n = len(stratum)
    if n <= at_most:
        return np.arange(n), np.ones(n)
    _, codes, sizes = np.unique(stratum, return_inverse=True, return_counts=True)
    # The most rows of a stratum that leave room for all: found by filling up from the smallest.
    ascending = np.sort(sizes)
    left = at_most - np.concatenate([[0], np.cumsum(ascending)[:-1]])
    each = left // np.arange(len(sizes), 0, -1)
    quota = max(1, int(each[np.argmax(ascending > each)]))
    rows = [
        of_stratum[np.linspace(0, len(of_stratum) - 1, min(quota, len(of_stratum))).astype(int)]
        for of_stratum in np.split(np.argsort(codes, kind="stable"), np.cumsum(sizes)[:-1])
    ]
    taken = np.array([len(some) for some in rows])
    counts = np.repeat(sizes / taken, taken)
    return np.concatenate(rows), counts / counts.mean()


class StratifiedOrder:
    """Batches of row numbers, one stream a replicate, each stratum with its share.

    A stratum's rows are seen in turn, each once before any is seen again. The number of its rows
    in a batch differs from its share by less than one, and is its share in the mean (systematic
    sampling), so that importance weights make every mean unbiased.

    Parameters
    ----------
    strata : ndarray of int, shape (n,)
        From 0 to s - 1, each with a row.
    shares : ndarray, shape (s,)
        Of a batch; they are positive and sum to 1.
    batch_size : int
        It may be larger than the table, whose rows then come several times.
    seeds : sequence of int, length r
        A replicate's stream depends on its own seed alone.

    Attributes
    ----------
    importance : ndarray, shape (n,)
        What each row is to count when it is drawn: its share of the table over that of a batch.
    """

    def __init__(
        self,
        strata: NDArray[np.int64],
        shares: NDArray[np.float64],
        batch_size: int,
        seeds: Sequence[int],
    ) -> None:
        self.batch_size = batch_size
        sizes = np.bincount(strata, minlength=len(shares))
        self._rows = np.split(np.argsort(strata, kind="stable"), np.cumsum(sizes)[:-1])
        self._upto = np.cumsum(shares) * batch_size
        self._upto[-1] = batch_size
        self._streams = [_Stream(self._rows, seed) for seed in seeds]
        self._planned = np.empty((len(seeds), 0, batch_size), np.int64)
        self.importance = (sizes / len(strata) / shares)[strata]

    def next_batch(self) -> Tensor:
        """The row numbers of the next batch of each replicate.

        Returns
        -------
        Tensor of int64, shape (r, b)
        """
        if not self._planned.shape[1]:
            self._planned = np.stack([stream.plan(self._upto) for stream in self._streams])
        batch, self._planned = self._planned[:, 0], self._planned[:, 1:]
        return torch.from_numpy(batch)

    def state_dict(self) -> dict[str, Any]:
        """A snapshot.

        Returns
        -------
        dict
        """
        return {
            "planned": torch.from_numpy(self._planned.copy()),
            "streams": [stream.state_dict() for stream in self._streams],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state : dict
            From :meth:`state_dict` for as many replicates, strata and rows in a batch.

        Raises
        ------
        ValueError
            If it is for others.
        """
        own = len(self._streams), len(self._rows), self.batch_size
        replicates, _, batch_size = state["planned"].shape
        given = replicates, len(state["streams"][0]["queues"]), batch_size
        if given != own:
            raise ValueError(
                f"the state is one of (replicates, strata, rows in a batch) = {given}, but {own} "
                "are needed."
            )
        self._planned = state["planned"].numpy().copy()
        for stream, kept in zip(self._streams, state["streams"], strict=True):
            stream.load_state_dict(kept)


class _Stream:
    """One replicate's way through the strata."""

    def __init__(self, rows: list[NDArray[np.int64]], seed: int) -> None:
        self._random = np.random.default_rng([seed, 2])
        self._rows = rows
        self._queues = [np.empty(0, np.int64) for _ in rows]

    def plan(self, upto: NDArray[np.float64]) -> NDArray[np.int64]:
        # Rows of the next batches, (batches, batch size).
        start = self._random.random((_PLANNED, 1))
        ends = np.minimum(np.floor(upto + start), upto[-1]).astype(np.int64)
        counts = np.diff(ends, axis=1, prepend=0)
        rows = np.concatenate([self._draw(s, n) for s, n in enumerate(counts.sum(0).tolist())])
        # In a type that is sorted by counting.
        moments = np.tile(np.arange(_PLANNED, dtype=np.int16), counts.shape[1])
        batch = np.repeat(moments, counts.T.ravel())
        return rows[np.argsort(batch, kind="stable")].reshape(_PLANNED, -1)

    def _draw(self, stratum: int, n: int) -> NDArray[np.int64]:
        queue, rows = self._queues[stratum], self._rows[stratum]
        if len(queue) < n:
            times = -(-(n - len(queue)) // len(rows))
            turns = rows[None].repeat(times, axis=0)
            self._random.permuted(turns, axis=1, out=turns)
            queue = np.concatenate([queue, turns.ravel()])
        self._queues[stratum] = queue[n:]
        return queue[:n]

    def state_dict(self) -> dict[str, Any]:
        return {
            "random": self._random.bit_generator.state,
            "queues": [torch.from_numpy(queue.copy()) for queue in self._queues],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._random.bit_generator.state = state["random"]
        self._queues = [queue.numpy().copy() for queue in state["queues"]]
