"""What stands on the page before the settings of each part."""

from __future__ import annotations

from equipoise.report import Section, Text

FEATURES = Section(
    "Features of one's own",
    [
        Text(
            "Forty-five features, of which fifteen belong to the rare group alone, and logistic "
            "regression. What is judged is the agreement with the truth that labels were drawn "
            "from, on as many rows of each group. Rotated, the same rows have no coordinate that "
            "belongs to a group, and no linear model becomes better or worse."
        )
    ],
)
STYLES = Section(
    "A rare style",
    [
        Text(
            "Scikit-learn's digits, 5 to 9 against 0 to 4, with a small convolutional network. The "
            "rare style is transposed and inverted; every test image is judged in both. All "
            "optimizers have the same initial weights, rows and order of rows for a seed, five "
            "learning rates half a decade apart, and up to four more where the best is at an edge. "
            "Balanced SGD and group DRO have momentum, and are to be seen beside Momentum too."
        )
    ],
)
IMAGES = Section(
    "Well-known images in a rare style",
    [Text("As with digits, with all ten classes and a small convolutional network on 5,000 rows.")],
)
TABLES = Section(
    "Tables with a rare cell",
    [
        Text(
            "Logistic regression on columns of categories; the rare group is one race and sex, "
            "whose share of the training rows is cut to 2%. Its members are judged beside all "
            "others, two fifths of either."
        )
    ],
)
