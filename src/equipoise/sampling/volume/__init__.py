"""Volumes of polytopes, with standard errors."""

from equipoise.sampling.volume.estimate import VolumeProgress
from equipoise.sampling.volume.log_volume import log_volume
from equipoise.sampling.volume.result import Stage, Volume

__all__ = ["Stage", "Volume", "VolumeProgress", "log_volume"]
