"""Training for the group that is worst off."""

from equipoise.learn.robust.group_dro import GroupDRO
from equipoise.learn.robust.method import GROUP_DRO

__all__ = ["GROUP_DRO", "GroupDRO"]
