"""Numbers packed into others. Pure."""


def taken(raw: int, mask: int, *, signed: bool) -> int:
    """The bits of `raw` under `mask`, shifted down to its lowest; `signed` by two's complement."""
    number = (raw & mask) >> lowest(mask)
    span = mask.bit_length() - lowest(mask)
    return number - (1 << span) if signed and number >> (span - 1) & 1 else number


def lowest(mask: int) -> int:
    """The place of the lowest bit that is set."""
    return (mask & -mask).bit_length() - 1
