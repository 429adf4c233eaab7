"""Weights that a user has, under the names that other libraries give them."""

from __future__ import annotations

import math
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from equipoise.learn.vision.vit import ViTTiny

# The classifiers that come after the features, in torchvision and timm.
_HEADS = re.compile(r"(fc|head|heads|classifier)\.")
# Names of timm (and DeiT) and of torchvision, as ours.
_LAYER = r"(?:blocks\.|encoder\.layers\.encoder_layer_)(\d+)\."
_VIT = [
    (re.compile(pattern), ours)
    for pattern, ours in (
        (r"(?:cls_token|class_token)", "class_token"),
        (r"(?:pos_embed|encoder\.pos_embedding)", "positions"),
        (r"(?:patch_embed\.proj|conv_proj)\.(.+)", r"patches.\1"),
        (rf"{_LAYER}(?:norm1|ln_1)\.(.+)", r"layers.\1.norm1.\2"),
        (rf"{_LAYER}(?:norm2|ln_2)\.(.+)", r"layers.\1.norm2.\2"),
        (rf"{_LAYER}attn\.qkv\.(.+)", r"layers.\1.self_attn.in_proj_\2"),
        (rf"{_LAYER}self_attention\.in_proj_(.+)", r"layers.\1.self_attn.in_proj_\2"),
        (
            rf"{_LAYER}(?:attn\.proj|self_attention\.out_proj)\.(.+)",
            r"layers.\1.self_attn.out_proj.\2",
        ),
        (rf"{_LAYER}mlp\.(?:fc1|0|linear_1)\.(.+)", r"layers.\1.linear1.\2"),
        (rf"{_LAYER}mlp\.(?:fc2|3|linear_2)\.(.+)", r"layers.\1.linear2.\2"),
        (r"(?:norm|encoder\.ln)\.(.+)", r"norm.\1"),
    )
]


def read_weights(backbone: nn.Module, path: str | os.PathLike[str]) -> None:
    """Load weights into a backbone.

    Parameters
    ----------
    backbone : Module
        A :class:`ResNet18` takes weights as torchvision and timm save them, a :class:`ViTTiny`
        those of either or of DeiT, whose positions are interpolated to another number of patches
        as in the paper (section 3.2). Any other module takes its own names.
    path : path-like
        A .safetensors file, or a state dict that ``torch.save`` wrote, also one inside a
        checkpoint as "state_dict" or "model". Nothing is downloaded, and nothing in the file is
        executed. The classifier's weights are left out.

    Raises
    ------
    ValueError
        If there is no such file, it holds anything else than tensors, or some are lacking, left
        over or of another shape.
    """
    path = Path(path)
    found = {_bare(name): tensor for name, tensor in _tensors(path).items()}
    own = backbone.state_dict()
    kept = {name: tensor for name, tensor in found.items() if name in own or not _HEADS.match(name)}
    if isinstance(backbone, ViTTiny):
        kept = {_as_ours(name): tensor for name, tensor in kept.items()}
        if "positions" in kept:
            kept["positions"] = _interpolated(kept["positions"], backbone, path)
    # Counts of batches came later than many a file, and change no prediction.
    lacking = [name for name in own if name not in kept and "num_batches_tracked" not in name]
    over = [name for name in kept if name not in own]
    if lacking or over:
        raise ValueError(
            f"weights: {path} does not fit {type(backbone).__name__}: it lacks {_few(lacking)} and "
            f"has {_few(over)} besides."
        )
    for name, tensor in kept.items():
        if tensor.shape != own[name].shape:
            raise ValueError(
                f"weights: {name} of {path} has shape {tuple(tensor.shape)}, and "
                f"{type(backbone).__name__} wants {tuple(own[name].shape)}; make it of the sizes "
                "that the weights were trained with."
            )
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"weights: {name} of {path} has NaN or infinity.")
    backbone.load_state_dict({**own, **kept})


def _tensors(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise ValueError(f"weights: no file {path}; put it there. Nothing is downloaded.")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load(path.read_bytes())
        read: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (
        safetensors.SafetensorError,
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
    ) as error:
        raise ValueError(
            f"weights: {path} is no safetensors file, and no file of torch with tensors alone "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__})."
        ) from error
    for inside in ("state_dict", "model"):
        if isinstance(read, dict) and isinstance(read.get(inside), dict):
            read = read[inside]
    if not isinstance(read, dict) or not all(isinstance(one, Tensor) for one in read.values()):
        raise ValueError(f"weights: {path} holds more than a state dict of tensors.")
    return read


def _bare(name: str) -> str:
    """A name without what wrappers for several devices put before it."""
    return name.removeprefix("module.")


def _as_ours(name: str) -> str:
    for pattern, ours in _VIT:
        if match := pattern.fullmatch(name):
            return match.expand(ours)
    return name


def _interpolated(positions: Tensor, backbone: ViTTiny, path: Path) -> Tensor:
    """Position embeddings at another number of patches: a picture, made larger or smaller."""
    wanted = backbone.positions.shape[1]
    if positions.ndim != 3 or positions.shape[1] == wanted:
        return positions
    before, after = math.isqrt(positions.shape[1] - 1), math.isqrt(wanted - 1)
    if before**2 != positions.shape[1] - 1:
        raise ValueError(
            f"weights: the positions of {path} are {positions.shape[1]}, wanted a square number "
            "of patches and one class token; distilled DeiT has a token more and does not fit."
        )
    grid = positions[:, 1:].reshape(1, before, before, -1).permute(0, 3, 1, 2)
    grid = nn.functional.interpolate(
        grid.float(), (after, after), mode="bicubic", align_corners=False, antialias=after < before
    )
    return torch.cat([positions[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


def _few(names: list[str]) -> str:
    if not names:
        return "nothing"
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
