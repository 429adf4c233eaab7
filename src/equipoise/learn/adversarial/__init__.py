"""Adversarial debiasing, Zhang, Lemoine and Mitchell 2018."""

from equipoise.learn.adversarial.method import ADVERSARIAL

__all__ = ["ADVERSARIAL"]
