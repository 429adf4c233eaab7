"""The command that repeats a comparison."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from equipoise.compare.settings import Settings
from equipoise.learn import TrainingSettings


def command_line(source: str, loading: dict[str, Any], settings: Settings) -> str:
    """Write the command that asks for the same comparison.

    Parameters
    ----------
    source : str
        A known table or a path.
    loading : dict
        What the table was loaded with: target, sensitive, and so on; None for defaults.
    settings : Settings

    Returns
    -------
    str
    """
    usual, training = Settings(settings.constraints), settings.training
    options: list[tuple[str, Any, Any]] = [
        *((name, value, None) for name, value in loading.items()),
        ("constraint", [str(constraint) for constraint in settings.constraints], None),
        ("methods", ",".join(settings.methods), None),
        *(
            (name, getattr(settings, name), getattr(usual, name))
            for name in ("seeds", "how", "min_group", "confidence", "margin", "seed")
        ),
        ("hidden", _layers(training.hidden), _layers(TrainingSettings().hidden)),
        *(
            (name, getattr(training, name), getattr(TrainingSettings(), name))
            for name in ("optimizer", "learning_rate", "weight_decay", "steps", "batch_size")
        ),
    ]
    words = ["equipoise", "compare", source]
    for name, value, default in options:
        flag = "--" + name.replace("_", "-")
        if name == "keep_sensitive":
            words += [flag] if value else []
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for one in value:
                words += [flag, str(one)]
        elif value is not None and value != default:
            words += [flag, str(value)]
    return shlex.join(words)


def _layers(hidden: tuple[int, ...]) -> str:
    return ",".join(map(str, hidden))
