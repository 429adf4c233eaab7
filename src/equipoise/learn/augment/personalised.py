"""A policy of augmentation for each cluster of classes, with parameters that can be searched."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike
from torch import Generator, Tensor, nn

from equipoise.learn.augment.clusters import cluster_of_class, require_labels
from equipoise.learn.augment.gate import logistic_noise, relaxed_bernoulli
from equipoise.learn.augment.learnt import LearntOperation, summarise
from equipoise.learn.augment.operation import Operation

__all__ = ["PersonalisedAugmentation"]

_HALF = (torch.float16, torch.bfloat16)

_SPREAD = 0.1
"""Standard deviation of the choices of sub-policies at the start."""


class PersonalisedAugmentation(nn.Module):
    r"""Rows changed as the policy of their class's cluster says: x, y -> A_y(x).

    Personalised data augmentation of Li et al. 2021 (AutoBalance, arXiv 2201.01212), on the
    policies of AutoAugment (Cubuk et al. 2019, arXiv 1805.09501): a row gets one of S sub-policies
    at random, and goes through its L stages. At each

    - an operation is drawn by ``softmax(choice)``,
    - a gate b near 0 or 1 by its probability p, a relaxed Bernoulli number,
    - a sign, where left is as good as right,

    and x becomes x + b (operation(x, magnitude) - x). Operations, probabilities and magnitudes
    are parameters, to be searched by an outer objective on other rows, as Hataya et al. 2020
    (MADAO, arXiv 2006.07965) do with one policy for all classes. That is K' = 1 here,
    ``clusters=[0] * n_classes``.

    All parameters are moved by what happens to rows, so that a hyper-gradient is one through the
    inputs of the model. Gradients of p and of magnitudes are pathwise (Faster AutoAugment, Hataya
    et al. 2020, arXiv 1911.06987). Operations are drawn, not mixed: a sum of all operations is an
    image that no policy ever makes, and costs as much as all of them. The choice gets the gradient
    of log softmax(choice) of the operation drawn, times what that one changed. It has no
    temperature, and its expectation is that of the true gradient as far as the loss is linear
    between a row and the changed row.

    p and the magnitudes are sigmoids of a start plus coordinates that begin at 0, and choices are
    a start plus coordinates, so that weight decay draws a policy to its start. Rows and noise of a
    batch are drawn in shapes that depend on the batch alone: what happens to a row depends on no
    parameter of another cluster, and the same state of the generator gives the same noise.

    In evaluation mode rows stay as they are.

    Parameters
    ----------
    operations : sequence of Operation
        All of images, :func:`image_operations`, or all of tables, :func:`table_operations`.
    clusters : array-like, shape (K,) or (K, K')
        The cluster of each class, or a column for each cluster, as
        :func:`~equipoise.learn.imbalance.frequency_clusters` has them. A class with few rows in
        validation cannot tell a good policy of its own: let it share one.
    n_subpolicies, n_stages : int
        S and L. Where there are several sub-policies, their choices start a little apart, alike
        for all clusters, by torch's generator: they could not part otherwise.
    probability, magnitude : float
        Where all start, between 0 and 1. A tenth and three tenths leave four rows of five as they
        are with two stages. Neither can start at 0: the magnitude of what has a random sign
        would have no gradient, and that of what is never done none either.
    temperature : float
        Of gates. The lower it is, the fewer rows lie between changed and unchanged, and the
        noisier is the gradient of p.

    Attributes
    ----------
    coordinates : ParameterDict
        "choice", "probability" and "magnitude", each of shape (K', S, L, operations).
        ``dict(augment.named_parameters())`` is what an outer optimizer takes.

    Raises
    ------
    ValueError
        If there is no operation, or they are not of one kind, two have one name, a class has no
        cluster, or a number is out of its range.

    Examples
    --------
    >>> from equipoise.learn.augment import image_operations
    >>> augment = PersonalisedAugmentation(image_operations("rotate", "cutout"), [0, 0, 1])
    >>> x, y = torch.rand(8, 3, 32, 32), torch.randint(3, (8,))
    >>> augment(x, y).shape
    torch.Size([8, 3, 32, 32])
    >>> {name: tuple(u.shape) for name, u in augment.named_parameters()}["coordinates.choice"]
    (2, 1, 2, 2)
    """

    cluster_of_class: Tensor
    choice_start: Tensor
    probability_start: Tensor
    magnitude_start: Tensor

    def __init__(
        self,
        operations: Sequence[Operation],
        clusters: ArrayLike | Tensor,
        *,
        n_subpolicies: int = 1,
        n_stages: int = 2,
        probability: float = 0.1,
        magnitude: float = 0.3,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        names = [operation.name for operation in operations]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"operations must be some, of different names, not {names}.")
        kinds = {operation.takes for operation in operations}
        if len(kinds) > 1:
            raise ValueError("operations must be all of images or all of tables.")
        if n_subpolicies < 1 or n_stages < 1:
            raise ValueError(
                f"n_subpolicies ({n_subpolicies}) and n_stages ({n_stages}) must be at least 1."
            )
        for name, value in (("probability", probability), ("magnitude", magnitude)):
            if not 0 < value < 1:
                raise ValueError(f"{name} must lie between 0 and 1, not at {value!r}.")
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, not {temperature!r}.")
        self.operations = tuple(operations)
        self.takes = kinds.pop()
        self.temperature = temperature
        self.register_buffer("cluster_of_class", cluster_of_class(clusters))
        n_clusters = int(self.cluster_of_class.max()) + 1
        shape = (n_clusters, n_subpolicies, n_stages, len(names))
        start = torch.zeros(shape[1:])
        if n_subpolicies > 1:
            start = _SPREAD * torch.randn(shape[1:])
        self.register_buffer("choice_start", start)
        self.register_buffer("probability_start", torch.tensor(probability).logit())
        self.register_buffer("magnitude_start", torch.tensor(magnitude).logit())
        self.coordinates = nn.ParameterDict(
            {
                name: nn.Parameter(torch.zeros(shape))
                for name in ("choice", "probability", "magnitude")
            }
        )

    def forward(self, x: Tensor, label: Tensor, generator: Generator | None = None) -> Tensor:
        """Change each row as the policy of its class says.

        Parameters
        ----------
        x : Tensor, shape (b, c, h, w) or (b, d)
            Images have 1 or 3 channels and values in [0, 1]: normalise them afterwards.
        label : Tensor of int64, shape (b,)
        generator : Generator, optional
            Of the device of x. Torch's own if none is given, which can be forked and restored.

        Returns
        -------
        Tensor
            Of the shape and type of x. What is in half precision is changed in single.

        Raises
        ------
        ValueError
            If shapes or types are wrong, a value is out of range or not finite, or a label has no
            cluster.
        """
        self._require(x)
        require_labels(label, len(x), len(self.cluster_of_class))
        if not self.training:
            return x
        # Under autocast grids would be in half precision, which is too coarse for pixels.
        with torch.autocast(x.device.type, enabled=False):
            rows = x.float() if x.dtype in _HALF else x
            return self._changed(rows, self.cluster_of_class[label], generator).to(x.dtype)

    @property
    def log_share(self) -> Tensor:
        """Log-probability of each operation at each stage, shape (K', S, L, operations)."""
        return torch.log_softmax(self.choice_start + self.coordinates["choice"], dim=-1)

    @property
    def probability(self) -> Tensor:
        """P of each operation's gate, shape (K', S, L, operations)."""
        return torch.sigmoid(self.probability_start + self.coordinates["probability"])

    @property
    def magnitude(self) -> Tensor:
        """Share of each operation's largest amount, shape (K', S, L, operations)."""
        return torch.sigmoid(self.magnitude_start + self.coordinates["magnitude"])

    def policy(self) -> list[LearntOperation]:
        """What was learnt, for a report: a row for each cluster and operation.

        Returns
        -------
        list of LearntOperation
            By cluster, and within one from what happens most often to what happens least.
        """
        return summarise(
            self.operations,
            self.cluster_of_class.tolist(),
            self.log_share.detach().exp(),
            self.probability.detach(),
            self.magnitude.detach(),
        )

    def _require(self, x: Tensor) -> None:
        if self.takes == "table":
            fits, wanted = x.dim() == 2, "(b, d)"
        else:
            fits, wanted = x.dim() == 4 and x.shape[1] in (1, 3), "(b, c, h, w), c being 1 or 3"
        if not fits or not x.is_floating_point() or not x.numel():
            raise ValueError(
                f"x must be floating-point of shape {wanted}, and not empty, not {x.dtype} of "
                f"shape {tuple(x.shape)}."
            )
        low, high = torch.stack(torch.aminmax(x.detach())).tolist()
        if self.takes == "image" and not (low >= 0 and high <= 1):
            raise ValueError(
                f"x must have values in [0, 1], but ranges from {low:g} to {high:g}: augment "
                "images before they are normalised."
            )
        if not abs(low) + abs(high) < float("inf"):
            raise ValueError("x must be finite, but holds infinite values or NaN.")

    def _changed(self, x: Tensor, cluster: Tensor, generator: Generator | None) -> Tensor:
        n_subpolicies, n_stages, n_operations = self.choice_start.shape
        n_rows = len(x)
        subpolicy = torch.randint(n_subpolicies, (n_rows,), generator=generator, device=x.device)
        log_share = self.log_share[cluster, subpolicy].to(x.dtype)
        logit = self.probability_start + self.coordinates["probability"]
        logit = logit[cluster, subpolicy].to(x.dtype)
        magnitude = self.magnitude[cluster, subpolicy].to(x.dtype)
        row = torch.arange(n_rows, device=x.device)
        changed = x
        for stage in range(n_stages):
            waits = torch.empty(n_rows, n_operations, dtype=x.dtype, device=x.device)
            waits.exponential_(generator=generator)
            noise = logistic_noise(x, (n_rows,), generator)
            sign = torch.randint(2, (n_rows,), generator=generator, device=x.device) * 2 - 1
            drawn = [operation.draw(x, generator) for operation in self.operations]
            # The first of exponential waits is a draw by their rates.
            chosen = (log_share[:, stage].detach() - waits.log()).argmax(1)
            log_chosen = log_share[row, stage, chosen]
            gate = relaxed_bernoulli(logit[row, stage, chosen], noise, self.temperature)
            # One, with the gradient of the logarithm.
            score = (log_chosen - log_chosen.detach()).exp()
            amount = magnitude[row, stage, chosen]
            new = self._by_operation(changed, chosen, amount, sign.to(x.dtype), drawn)
            weight = (gate * score).view(-1, *[1] * (x.dim() - 1))
            changed = changed + weight * (new - changed)
        # Weighed sums of values in [0, 1] can leave it by a rounding.
        return changed.clamp(0, 1) if self.takes == "image" else changed

    def _by_operation(
        self,
        x: Tensor,
        chosen: Tensor,
        magnitude: Tensor,
        sign: Tensor,
        drawn: list[tuple[Tensor, ...]],
    ) -> Tensor:
        """Each operation on its own rows."""
        order = chosen.argsort(stable=True)
        counts = torch.bincount(chosen, minlength=len(self.operations)).tolist()
        parts = []
        for operation, noise, rows in zip(self.operations, drawn, order.split(counts), strict=True):
            if not len(rows):
                continue
            amount = magnitude[rows] * (operation.largest or 0.0)
            if operation.signed:
                amount = amount * sign[rows]
            parts.append(operation.apply(x[rows], amount, *(draws[rows] for draws in noise)))
        return torch.cat(parts)[order.argsort()]
