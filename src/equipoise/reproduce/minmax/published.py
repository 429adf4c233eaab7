"""The figures of the paper and of what its authors wrote beside it."""

from __future__ import annotations

SOURCE = "Keswani, Mangoubi, Sachdeva, Vishnoi 2022, ICML, arXiv 2006.12376"
