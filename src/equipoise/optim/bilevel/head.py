"""The loss of a linear head on given features, and its derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from equipoise.optim.bilevel.closures import Loss, checked_scalar
from equipoise.optim.vectors import gradient


class Head:
    r"""mean over terms of l(X W^T) plus decay * W^2 / 2, as a function of W.

    Rows of a term must not see each other in its loss, which is checked: then the Hessian is ::

        H_(kl) = X^T diag(d2l/dz_k dz_l) X + decay

    and a product with it is three of matrices.

    Parameters
    ----------
    terms : sequence of (Tensor of shape (n, d), callable)
        Features X, with a column of ones for a bias, and the loss of outputs (n, K).
    decay : Tensor, shape (K, d)
        Of each parameter.
    """

    def __init__(self, terms: Sequence[tuple[Tensor, Loss]], decay: Tensor) -> None:
        self.terms = list(terms)
        self.decay = decay

    def value_and_gradient(self, at: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and its gradient.

        Parameters
        ----------
        at : Tensor, shape (K, d)
            W.

        Returns
        -------
        value : Tensor, shape ()
        slope : Tensor, shape (K, d)
        """
        value, slope = (self.decay * at * at).sum() / 2, self.decay * at
        for X, loss in self.terms:
            z = (X @ at.T).requires_grad_()
            found = checked_scalar("inner", loss(z))
            (dz,) = gradient(found, [z])
            value = value + found.detach() / len(self.terms)
            slope = slope + dz.T @ X / len(self.terms)
        return value, slope

    def curvature(self, at: Tensor) -> list[Tensor]:
        """What the Hessian at a point is made of.

        Parameters
        ----------
        at : Tensor, shape (K, d)

        Returns
        -------
        list of Tensor, each of shape (n, K, K)
            d2l/dz2 of each row, a tensor a term.

        Raises
        ------
        ValueError
            If rows depend on each other.
        """
        return [_row_hessians(X @ at.T, loss) for X, loss in self.terms]

    def product(self, curved: Sequence[Tensor], q: Tensor) -> Tensor:
        """The Hessian times a vector.

        Parameters
        ----------
        curved : sequence of Tensor
            From :meth:`curvature`.
        q : Tensor, shape (K, d)

        Returns
        -------
        Tensor, shape (K, d)
        """
        found = self.decay * q
        for (X, _), rows in zip(self.terms, curved, strict=True):
            pulled = (rows @ (X @ q.T)[:, :, None])[:, :, 0]
            # The transpose of the other order is several times slower for few outputs.
            found = found + pulled.T @ X / len(self.terms)
        return found

    def hessian(self, curved: Sequence[Tensor]) -> Tensor:
        """The Hessian written out.

        Parameters
        ----------
        curved : sequence of Tensor
            From :meth:`curvature`.

        Returns
        -------
        Tensor, shape (K d, K d)
        """
        K, d = self.decay.shape
        H = torch.diag(self.decay.reshape(-1))
        blocks = H.view(K, d, K, d)
        for (X, _), rows in zip(self.terms, curved, strict=True):
            for k in range(K):
                for j in range(k, K):
                    block = X.T @ (rows[:, k, j, None] * X) / len(self.terms)
                    blocks[k, :, j] += block
                    if j > k:
                        blocks[j, :, k] += block
        return H


def _row_hessians(outputs: Tensor, loss: Loss) -> Tensor:
    """d2l/dz2 of each row, shape (n, K, K), for a loss in which rows do not see each other."""
    z = outputs.detach().requires_grad_()
    (slope,) = gradient(loss(z), [z], create_graph=True)
    K = z.shape[1]
    columns = []
    for k in range(K):
        unit = torch.zeros_like(z)
        unit[:, k] = 1
        columns.append(gradient(slope, [z], unit, retain_graph=True)[0])
    curved = torch.stack(columns, 2)
    # Signs that differ from row to row come out of any product between rows.
    # They differ within a row too: a softmax does not see what is added to all of its logits.
    signs = torch.ones_like(z)
    signs[::2] = -1
    signs[:, ::2] *= -1
    (whole,) = gradient(slope, [z], signs)
    by_row = (curved * signs[:, None, :]).sum(2)
    if not torch.allclose(whole, by_row, rtol=1e-3, atol=1e-4 * curved.abs().max().item()):
        raise ValueError(
            "the inner loss must be a sum over the rows of outputs: in this one, rows depend on "
            "each other. Use ConjugateGradient or Dense."
        )
    return curved
