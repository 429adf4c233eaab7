"""A table of people with categories, counts, real numbers and missing values."""

from __future__ import annotations

import numpy as np
import pandas as pd


def people(n=3000, seed=0):
    """The table, and the label "hired"."""
    random = np.random.default_rng(seed)
    sex = random.choice(["female", "male"], n, p=[0.3, 0.7])
    place = random.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2])
    skill = random.normal(size=n) + 0.5 * (sex == "male")
    children = random.poisson(1.0, n).clip(max=3)
    hired = skill + (place == "north") + random.normal(size=n) > 1
    table = pd.DataFrame(
        {
            "sex": sex,
            "place": np.where(random.random(n) < 0.02, None, place),
            "skill": np.where(random.random(n) < 0.02, np.nan, skill),
            "children": children,
            "title": np.where(sex == "female", "Ms", "Mr"),
        }
    )
    return table, np.where(hired, "yes", "no")
