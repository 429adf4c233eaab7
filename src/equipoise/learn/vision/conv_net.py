"""A convolutional network small enough for a CPU."""

from __future__ import annotations

from torch import Tensor, nn


class ConvNet(nn.Module):
    """Three convolutions, each of which halves the sides, and the mean over what is left.

    Its norms are over channels of one image: those over a batch would let the groups in a batch
    see each other, and change with the share of a group.

    Parameters
    ----------
    width : int
        Channels of the first convolution, a multiple of 8; the others have two and four times as
        many.

    Attributes
    ----------
    n_features : int
        4 width.

    Raises
    ------
    ValueError
        If the width is no positive multiple of 8.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        if width < 8 or width % 8:
            raise ValueError(f"width must be a positive multiple of 8, not {width}.")
        self.n_features = 4 * width
        layers: list[nn.Module] = []
        for before, after in ((3, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.GroupNorm(8, after),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Features of images.

        Parameters
        ----------
        images : Tensor, shape (n, 3, height, width)
            As :func:`as_inputs` gives them.

        Returns
        -------
        Tensor, shape (n, n_features)
        """
        features: Tensor = self.layers(images).mean((2, 3))
        return features
