"""The figures of the paper, as printed."""

from __future__ import annotations

SOURCE = "Li, Zhang, Thrampoulidis, Chen, Oymak 2021, NeurIPS, arXiv 2201.01212"

TABLE_1: dict[str, dict[str, float]] = {
    "CE": {"CIFAR10-LT": 30.45, "CIFAR100-LT": 62.69, "ImageNet-LT": 55.47, "iNat-18": 39.72},
    "LDAM-DRW": {"CIFAR10-LT": 26.37, "CIFAR100-LT": 59.47, "ImageNet-LT": 54.21, "iNat-18": 35.63},
    "LA": {"CIFAR10-LT": 23.13, "CIFAR100-LT": 58.96, "ImageNet-LT": 52.46, "iNat-18": 34.06},
    "CDT": {"CIFAR10-LT": 20.73, "CIFAR100-LT": 57.26, "ImageNet-LT": 53.47, "iNat-18": 34.46},
    "tau": {"CIFAR10-LT": 21.82, "CIFAR100-LT": 58.68, "ImageNet-LT": 52.39, "iNat-18": 34.19},
    "l": {"CIFAR10-LT": 23.02, "CIFAR100-LT": 58.71, "ImageNet-LT": 52.60, "iNat-18": 34.35},
    "Delta": {"CIFAR10-LT": 22.59, "CIFAR100-LT": 58.40, "ImageNet-LT": 53.02, "iNat-18": 34.37},
    "l&Delta": {"CIFAR10-LT": 21.39, "CIFAR100-LT": 56.84, "ImageNet-LT": 51.74, "iNat-18": 33.41},
    "l&Delta, LA init": {
        "CIFAR10-LT": 21.15,
        "CIFAR100-LT": 56.70,
        "ImageNet-LT": 50.91,
        "iNat-18": 33.25,
    },
}
"""Balanced error in percent, by method and data set; means of three runs, without errors.

Their LDAM is written "LDAM"; whether it re-weights late they do not say.
"""

TABLE_3: dict[str, dict[str, float]] = {
    "CE": {"balanced": 23.38, "worst": 43.25, "deo": 33.75},
    "CE balanced": {"balanced": 20.83, "worst": 36.67, "deo": 20.25},
    "Group-LA": {"balanced": 22.83, "worst": 40.50, "deo": 29.33},
    "CE_deo": {"balanced": 19.29, "worst": 35.17, "deo": 25.25},
    "blend": {"balanced": 20.06, "worst": 31.67, "deo": 26.25},
    "group DRO": {"balanced": 16.47, "worst": 32.67, "deo": 6.91},
    "AutoBalance": {"balanced": 15.13, "worst": 30.33, "deo": 4.25},
}
"""Waterbirds, in percent: balanced error, error of the worst cell, difference of equalized odds."""

CELLS = ((3498, 184), (56, 1057))
"""Training rows of Waterbirds by label (waterbirds second) and place (water second)."""
