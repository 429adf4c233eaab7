"""What is known of the paper: its abstract, and the settings of its authors' experiments."""

from __future__ import annotations

SOURCE = "Celis, Mehrotra, Vishnoi 2020, FAT*, arXiv 2001.08767"

OPTIMAL = "optimally mitigate"
"""Of bounds by the counts of the latent best ranking, whatever the bias."""

ALMOST_ALL = "almost all"
"""Of the utility lost to bias, recovered by bounds like the Rooney rule."""

NONE = "not published"

MEN = 1000
"""The first group in the experiments; the second, which bias is against, has a share r of that."""

POSITIONS = 100
ALPHAS = tuple(step / 20 for step in range(11))
BETAS = (0.25, 0.5, 1.0)
RATIOS = {"1/4": 250, "1/3": 330, "1/2": 500}
"""Women by the ratio r; a third is 0.33 in the authors' settings."""

TRIALS = 5000

JOHNSON_SU = {
    "men": (-1.3358254338685507, 1.228621987785165, -16.10471198333935, 25.658144591068066),
    "women": (-1.1504808824385124, 1.3649066883190795, -12.879957294149737, 27.482272133428403),
}
"""Laws fitted by the authors to marks of the IIT-JEE 2009: a, b, location, scale."""

LOGNORMAL = (1.604389429520587, 48.91174576443938, 77.36426476362374)
"""And to citations in Semantic Scholar, of both groups: s, location, scale."""

EARLIER = {
    ("JEE", "1/4", 0.25): (0.968, 0.10, 0.9986, 0.880),
    ("JEE", "1/4", 0.5): (0.982, 0.10, 0.9985, 0.880),
    ("JEE", "1/2", 0.25): (0.941, 0.20, 0.9987, 0.937),
    ("JEE", "1/2", 0.5): (0.968, 0.20, 0.9987, 0.937),
    ("SS", "1/4", 0.25): (0.951, 0.20, 0.9985, 0.936),
    ("SS", "1/4", 0.5): (0.985, 0.20, 0.9986, 0.936),
    ("SS", "1/2", 0.25): (0.922, 0.35, 0.9985, 0.982),
    ("SS", "1/2", 0.5): (0.977, 0.35, 0.9983, 0.980),
}
"""Measured once before, with other code and 150 or 300 trials: Uncons / Opt, the best alpha, the
best Cons / Opt, and Cons / Opt at alpha = 1/2. The paper shows curves, of which no numbers are
known here."""
