"""Which optimizers lead to fairer models: every rate, every seed, three protocols."""

from equipoise.compare.study.contestant import CONTESTANTS, Contestant
from equipoise.compare.study.course import Course, Schedule, follow
from equipoise.compare.study.data import StudyData
from equipoise.compare.study.entry import Entry, run_entry
from equipoise.compare.study.people import image_features, table
from equipoise.compare.study.protocols import (
    MatchedLoss,
    Protocol,
    accuracy,
    chosen,
    figures,
    of_perfect_decisions,
)
from equipoise.compare.study.sources import digits, images, own_features

__all__ = [
    "CONTESTANTS",
    "Contestant",
    "Course",
    "Entry",
    "MatchedLoss",
    "Protocol",
    "Schedule",
    "StudyData",
    "accuracy",
    "chosen",
    "digits",
    "figures",
    "follow",
    "image_features",
    "images",
    "of_perfect_decisions",
    "own_features",
    "run_entry",
    "table",
]
