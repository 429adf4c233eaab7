"""Small games whose answers are known, to see what a method does on them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from equipoise.optim.minmax.geometry import Box, Euclidean, Geometry
from equipoise.optim.minmax.method import MinMaxOptimizer
from equipoise.optim.minmax.player import Closure

Outcome = Literal["solves", "settles elsewhere", "cycles", "diverges"]
Make = Callable[[list[Tensor], list[Tensor], Geometry, Geometry], MinMaxOptimizer]


@dataclass(frozen=True)
class Game:
    """A value f(x, y), where to start, and how far a point is from the answer.

    Attributes
    ----------
    name : str
    value : callable
        Of x, shape (d,), and y, shape (e,); returns shape (). Differentiable twice.
    start : tuple of tuple of float
        x and y.
    distance : callable
        Of x and y: 0 at the answer, and how far off it is elsewhere.
    box : float or None
        Both players stay within [-box, box], where the game needs a bound.
    answer : str
        What the answer is, in words.
    """

    name: str
    value: Callable[[Tensor, Tensor], Tensor]
    start: tuple[tuple[float, ...], tuple[float, ...]]
    distance: Callable[[Tensor, Tensor], float]
    answer: str
    box: float | None = None


@dataclass(frozen=True)
class Play:
    """What a method did on a game.

    Attributes
    ----------
    x, y : Tensor, shape (n + 1, d) and (n + 1, e)
        Where it was, from the start on.
    outcome : {"solves", "settles elsewhere", "cycles", "diverges"}
        Judged on the last quarter of the steps; "diverges" is to be ten times as far from the
        origin as at the start.
    """

    x: Tensor
    y: Tensor
    outcome: Outcome


def _from_origin(x: Tensor, y: Tensor) -> float:
    return float(torch.cat([x, y]).norm())


def _x_from_zero(x: Tensor, y: Tensor) -> float:
    return float(x.norm())


def _to_crest(x: Tensor, y: Tensor) -> float:
    angle = float(x.sum() + y.sum()) - math.pi / 2
    return abs(math.remainder(angle, 2 * math.pi))


def _bell(x: Tensor, y: Tensor) -> Tensor:
    ridge = y - 3 * x + 0.05 * x**3
    return ((4 * x**2 - ridge**2 - 0.1 * y**4) * torch.exp(-0.01 * (x**2 + y**2))).sum()


def bilinear(box: float | None = None) -> Game:
    """The product x y, whose saddle is the origin.

    Parameters
    ----------
    box : float, optional
        With a bound on both players, every point with x = 0 is an answer: the best response is to
        be at an end of the box.

    Returns
    -------
    Game
    """
    return Game(
        "bilinear" if box is None else "bilinear in a box",
        lambda x, y: (x * y).sum(),
        ((3.0,), (2.0,)),
        _from_origin if box is None else _x_from_zero,
        "x = y = 0" if box is None else "x = 0",
        box,
    )


def no_saddle() -> Game:
    """-3 x^2 - y^2 + 4 x y: max over y is x^2, at y = 2 x.

    The origin is the min-max point and no saddle, and gradient descent-ascent runs from it. F1 of
    Wang, Zhang and Ba (arXiv 1910.07512).
    """
    return Game(
        "no saddle",
        lambda x, y: (-3 * x**2 - y**2 + 4 * x * y).sum(),
        ((5.5,), (5.5,)),
        _from_origin,
        "x = y = 0",
    )


def convex_response() -> Game:
    """3 x^2 + y^2 + 4 x y, convex in y: gradient descent-ascent is drawn to a point that is none.

    In the box of 10, max over y is 3 x^2 + 100 + 40 abs(x): the answer is x = 0 and y at an end.
    F2 of arXiv 1910.07512.
    """
    return Game(
        "convex response",
        lambda x, y: (3 * x**2 + y**2 + 4 * x * y).sum(),
        ((6.0,), (5.0,)),
        lambda x, y: float(torch.cat([x, y.abs() - 10]).norm()),
        "x = 0, |y| = 10",
        10.0,
    )


def bell() -> Game:
    """(4 x^2 - (y - 3 x + 0.05 x^3)^2 - 0.1 y^4) exp(-0.01 (x^2 + y^2)), answer 0.

    A local min-max around which first-order methods cycle. Its max over y rises to 134.2 at
    x = 8.1 and x = -8.1 and falls beyond, so only starts within lead to 0. F3 of arXiv 1910.07512.
    """
    return Game("bell", _bell, ((5.5,), (5.5,)), _from_origin, "x = y = 0")


def embedded_bell(direction: Tensor) -> Game:
    """:func:`bell` along one direction of a space that is flat in every other.

    Parameters
    ----------
    direction : Tensor, shape (d,)
        Of unit length.

    Returns
    -------
    Game
    """
    return Game(
        f"bell in {len(direction)} dimensions",
        lambda x, y: _bell(direction.to(x) @ x, y),
        (tuple((5.5 * direction).tolist()), (5.5,)),
        lambda x, y: math.hypot(float(direction.to(x) @ x), float(y.norm())),
        "x = 0 along the direction, y = 0",
    )


def wave() -> Game:
    """sin(x + y), which has no saddle; every point of a crest x + y = pi / 2 is an answer."""
    return Game(
        "wave",
        lambda x, y: torch.sin(x + y).sum(),
        ((0.0,), (0.5,)),
        _to_crest,
        "x + y = pi / 2, up to whole turns",
    )


def dirac_gan() -> Game:
    """-log(1 + exp(-x y)) - log 2: a generator at x, data at 0, a linear discriminator y.

    Mescheder, Geiger and Nowozin (ICML 2018, arXiv 1801.04406).
    """
    return Game(
        "Dirac GAN",
        lambda x, y: (torch.nn.functional.logsigmoid(x * y) - math.log(2)).sum(),
        ((1.0,), (1.0,)),
        _from_origin,
        "x = y = 0",
    )


def quadratic(d: int, *, seed: int = 0) -> Game:
    """x^T A x / 2 + x^T B y - y^T C y / 2 + a^T x + b^T y, A and C positive definite.

    Strongly convex-concave: its one saddle is the solution of a linear system.

    Parameters
    ----------
    d : int
        Dimension of each player.
    seed : int

    Returns
    -------
    Game
    """
    stream = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=stream, dtype=torch.float64)

    def definite() -> Tensor:
        root = draw(d, d) / math.sqrt(d)
        return 0.5 * torch.eye(d, dtype=torch.float64) + 0.5 * root @ root.T

    A, C, B = definite(), definite(), draw(d, d) / math.sqrt(d)
    a, b = draw(d), draw(d)
    system = torch.cat([torch.cat([A, B], 1), torch.cat([-B.T, C], 1)])
    answer = torch.linalg.solve(system, torch.cat([-a, b]))

    def value(x: Tensor, y: Tensor) -> Tensor:
        return x @ A @ x / 2 + x @ B @ y - y @ C @ y / 2 + a @ x + b @ y

    return Game(
        f"quadratic in {d} dimensions",
        value,
        ((0.0,) * d, (0.0,) * d),
        lambda x, y: float((torch.cat([x, y]) - answer).norm()),
        "the solution of a linear system",
    )


def play(game: Game, make: Make, n_steps: int, *, tolerance: float = 0.05) -> Play:
    """Let a method play a game, in float64.

    Parameters
    ----------
    game : Game
    make : callable
        Makes the method of the parameters of x and y, and of their geometries.
    n_steps : int
        Fewer are taken where it runs away.
    tolerance : float
        Distance to the answer within which the game is solved.

    Returns
    -------
    Play
    """
    x, y = (torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in game.start)

    def geometry() -> Geometry:
        return Euclidean() if game.box is None else Box(-game.box, game.box)

    closure: Closure = lambda: game.value(x, y)  # noqa: E731
    method = make([x], [y], geometry(), geometry())
    xs, ys = [x.detach().clone()], [y.detach().clone()]
    far = 10 * max(1.0, _from_origin(xs[0], ys[0]))
    for _ in range(n_steps):
        method.step(closure)
        xs.append(x.detach().clone())
        ys.append(y.detach().clone())
        if _from_origin(xs[-1], ys[-1]) > far:
            return Play(torch.stack(xs), torch.stack(ys), "diverges")
    path_x, path_y = torch.stack(xs), torch.stack(ys)
    late = slice(-max(1, n_steps // 4), None)
    if (
        max(game.distance(a, b) for a, b in zip(path_x[late], path_y[late], strict=True))
        < tolerance
    ):
        return Play(path_x, path_y, "solves")
    path = torch.cat([path_x, path_y], 1)[late]
    settled = float((path - path[-1]).norm(dim=1).max()) < tolerance
    return Play(path_x, path_y, "settles elsewhere" if settled else "cycles")
