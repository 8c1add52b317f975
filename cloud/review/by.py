"""The groupings of figures, apart from what computes them: the command line lists them at once."""

from enum import StrEnum


class By(StrEnum):
    """What the figures are grouped by."""

    RULE = "rule"
    ZONE = "zone"
    DEVICE = "device"
    PERSON = "person"
    DAY = "day"
    MONTH = "month"
