"""Where a list goes on, as an opaque text in the URL. Pure."""

import base64
import binascii
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

_Text = Annotated[str, Meta(max_length=200, pattern="^[^\x00]*$")]
_Moment = Annotated[int, Meta(ge=-(1 << 53), le=1 << 53)]
_Number = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]

EVENT: Final = msgspec.json.Decoder(tuple[_Moment, _Text, _Number])
VERDICT: Final = msgspec.json.Decoder(tuple[_Moment, _Text, _Text])
INCIDENT: Final = msgspec.json.Decoder(tuple[_Moment, _Text])
QUARANTINE: Final = msgspec.json.Decoder(_Number)


def write_cursor(key: object) -> str:
    """The key of the last row of a page as text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def read_cursor(text: str, decoder: msgspec.json.Decoder[Any]) -> Any:  # noqa: ANN401 - as the decoder says
    """The key that a text stands for.

    Raises:
        ValueError: The text was not made by `write_cursor` for this list.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return decoder.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, msgspec.DecodeError) as error:
        raise ValueError("expected the `next` of an earlier page of the same list") from error
