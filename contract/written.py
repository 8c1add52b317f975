"""How people write the small things of a site's files: times, durations, addresses, endpoints; each with what to expect."""

from typing import Annotated

from msgspec import Meta

TimeOfDay = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="a time such as 08:00")
]
EndOfDay = Annotated[
    str,
    Meta(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", description="a time such as 18:00, at most 24:00"
    ),
]
Poll = Annotated[
    str,
    Meta(pattern=r"^0*[1-9][0-9]*(ms|s|m|h|d)$", description="a duration above nothing such as 2s or 500ms"),
]
Held = Annotated[str, Meta(pattern=r"^[1-9][0-9]*(s|m|h)$", description="a duration such as 45s")]
UnitId = Annotated[int, Meta(ge=0, le=255, description="a unit id without quotes, 0 to 255")]
Address = Annotated[str, Meta(min_length=1, description="a text in quotes, not an empty one")]
Ratio = Annotated[float, Meta(gt=0, description="a number above 0 such as 40 (for 200/5)")]
Card = Annotated[str, Meta(min_length=1, description='a card in quotes such as "04A2B3C4"')]
Endpoint = Annotated[
    str,
    Meta(
        pattern=r"^(modbus-tcp|modbus-rtu-tcp|modbus-rtu|mqtt|mqtts|gb26875|http|dlt645|dlt645-tcp|jwm|csv)://",
        description="a line that begins with modbus-tcp://, modbus-rtu-tcp://, modbus-rtu:///, mqtt://, mqtts://, "
        "gb26875://, http://, dlt645:///, dlt645-tcp://, jwm:/// or csv:///, in small letters",
    ),
]
