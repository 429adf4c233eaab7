"""What the paper is known to report."""

from __future__ import annotations

SOURCE = "Kolahdouzi, Gunes, Etemad 2025, NeurIPS, arXiv 2504.14882"

RARE_STYLE = "lower gap, p <= .007"
"""RMSProp and Adam against SGD on CelebA, FairFace and MS-COCO, ten repetitions each: Wilcoxon's
test, one-sided, without a correction for their number (third-party notes on the paper)."""

NONE = "not published"
