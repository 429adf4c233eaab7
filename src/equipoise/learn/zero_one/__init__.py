"""Fair linear classifiers under the zero-one loss itself, searched for by sampling."""

from equipoise.learn.zero_one.method import ZERO_ONE

__all__ = ["ZERO_ONE"]
