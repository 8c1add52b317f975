"""What was read lately, off the spool's own rows: a message that a restart made the broker send again is known."""

from typing import Final

import msgspec

from contract.batch import Lane
from edge.rows import EventRow, row_decoder
from edge.said import message_key
from edge.spool.base import Spool

_ROWS: Final = 5_000
_BYTES: Final = 4 * 1024 * 1024


class _Data(msgspec.Struct, frozen=True):
    message: str | None = None
    device_at: int | None = None


_data_decoder: Final = msgspec.json.Decoder(_Data)


def recent_messages(spool: Spool) -> list[tuple[str, str]]:
    """`(device, message key)` of the newest events that came in numbered messages, oldest first.

    Raises:
        SpoolDamaged: A row is not as it was written.
    """
    found = []
    for lane in Lane:
        batch = spool.next_batch(lane, max(0, spool.last(lane) - _ROWS), _ROWS, _BYTES)
        for row in batch.rows if batch else ():
            event = row_decoder.decode(row.body)
            if isinstance(event, EventRow) and b'"message"' in event.data:
                data = _data_decoder.decode(event.data)
                if data.message is not None:
                    found.append((event.device, message_key(data.message, data.device_at, event.person)))
    return found
