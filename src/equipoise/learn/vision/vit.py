"""A vision transformer of the smallest usual size, without its last layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_LAYERS, _HEADS, _WIDTH = 12, 3, 192


class ViTTiny(nn.Module):
    """ViT (Dosovitskiy et al. 2021, arXiv 2010.11929) of the size that DeiT calls tiny.

    12 layers of 3 heads, 192 wide (Touvron et al. 2021, arXiv 2012.12877, table 1), of torch's own
    encoder layers, with norms before and the class token as what is given out.

    Parameters
    ----------
    side : int
        Height and width of the images, in pixels.
    patch : int
        Height and width of a patch. 8 gives images of 64 pixels 64 patches; published weights are
        for 16.

    Attributes
    ----------
    n_features : int
        192.

    Raises
    ------
    ValueError
        If the side is no multiple of the patch.
    """

    n_features = _WIDTH

    def __init__(self, side: int = 64, patch: int = 8) -> None:
        super().__init__()
        if patch < 1 or side < patch or side % patch:
            raise ValueError(f"side must be a multiple of the patch, {patch}, not {side}.")
        self.side, self.patch = side, patch
        self.patches = nn.Conv2d(3, _WIDTH, patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, _WIDTH))
        self.positions = nn.Parameter(torch.empty(1, 1 + (side // patch) ** 2, _WIDTH))
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    _WIDTH,
                    _HEADS,
                    4 * _WIDTH,
                    dropout=0.0,
                    activation="gelu",
                    layer_norm_eps=1e-6,
                    batch_first=True,
                    norm_first=True,
                )
                for _ in range(_LAYERS)
            )
        )
        self.norm = nn.LayerNorm(_WIDTH, eps=1e-6)
        nn.init.trunc_normal_(self.positions, std=0.02)
        nn.init.trunc_normal_(self.patches.weight, std=math.sqrt(1 / (3 * patch**2)))
        nn.init.zeros_(self.patches.bias)  # type: ignore[arg-type]  # there is one
        for module in self.layers.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Features of images.

        Parameters
        ----------
        images : Tensor, shape (n, 3, side, side)
            As :func:`as_inputs` gives them.

        Returns
        -------
        Tensor, shape (n, 192)

        Raises
        ------
        ValueError
            If the images are of another side.
        """
        if images.shape[2:] != (self.side, self.side):
            raise ValueError(
                f"images must be {self.side} x {self.side} pixels for this network, not "
                f"{images.shape[2]} x {images.shape[3]}; give ViTTiny their side."
            )
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        first = self.class_token.expand(len(images), -1, -1)
        x = self.layers(torch.cat([first, tokens], dim=1) + self.positions)
        features: Tensor = self.norm(x[:, 0])
        return features
