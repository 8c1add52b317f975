"""The decoders under coverage-guided noise: `python -m tests.fuzz DECODER [-max_total_time=SECONDS]` (libFuzzer's options).

Whatever comes in, a decoder says what it is or that it is nothing; it raises nothing and takes no second.
"""

import base64
import contextlib
import sys
import zoneinfo
from collections.abc import Callable

import atheris

with atheris.instrument_imports():
    from contract.batch import batch_decoder
    from contract.profile.load import load_profile
    from contract.profile.messages import Topic
    from contract.profile.model import CsvProfile, HttpProfile, ModbusProfile, MqttProfile
    from contract.site import Device
    from edge.decode.device import Memory
    from edge.drivers.http import _message
    from edge.drivers.modbus_frames import Ask, RtuCodec, TcpCodec
    from edge.errors import EdgeError, NoAnswer, Refused, WandError
    from edge.gb26875.frame import Frame, FrameReader, encode
    from edge.gb26875.transmitter import Transmitter
    from edge.jwm import words
    from edge.logbook import Moment, file_reader
    from edge.presence import LinePresence
    from edge.topicmap import TopicMap
    from firmware_sim.device.publisher import _put
    from tests.bus import PROFILES, Hand, shipped

import msgspec
from pymodbus.framer.rtu import FramerRTU

ZONE = zoneinfo.ZoneInfo("Asia/Shanghai")
LOADED = {path.stem: load_profile(path) for path in sorted(PROFILES.glob("*.yaml"))}
MODBUS = [name for name, profile in LOADED.items() if isinstance(profile, ModbusProfile)]
PUBLISHING = [profile for profile in LOADED.values() if isinstance(profile, MqttProfile | HttpProfile)]
LOGS = [profile for profile in LOADED.values() if isinstance(profile, CsvProfile)]
NOW = Moment(5_000_000, 1_780_279_200_000)
HANDS = {name: Hand(shipped(name), Device(id="d", profile=name)) for name in MODBUS}
TOPICS = [TopicMap([(Device(id="d", address="a"), profile)]) for profile in PUBLISHING]
HEADS = ["日期,启动时间,停机时间,带载,油位,记录人\n", "时间,点位,人员\n"]
LABEL = bytes([30, 15, 8, 22, 11, 26])


def registers(data: bytes) -> None:
    """Words of every request of a Modbus device."""
    if len(data) < 4:
        return
    hand = HANDS[MODBUS[data[0] % len(MODBUS)]]
    hand.memory = Memory()
    hand.told.clear()
    request = hand.sheet.requests[data[1] % len(hand.sheet.requests)]
    for at in (0, 1_000):
        noise = data[2 + at // 1_000 :] * (2 * request.count // max(1, len(data) - 3) + 2)
        given = [int.from_bytes(noise[2 * n : 2 * n + 2], "big") for n in range(request.count)]
        hand.answers(request, [word & 1 for word in given] if request.function < 3 else given, at)


def frames(data: bytes) -> None:
    """Replies on a line, in pieces: as they come, and with a check that is right."""
    checked = data + FramerRTU.compute_CRC(data).to_bytes(2, "big")
    length = (len(data) + 1).to_bytes(2, "big")
    for codec, stream in (
        (RtuCodec(), data + checked),
        (TcpCodec(), data + bytes(4) + length + b"\1" + data),
    ):
        for start in range(0, len(stream), 7):
            with contextlib.suppress(ValueError, NoAnswer, Refused):
                for reply in codec.feed(stream[start : start + 7]):
                    reply.values(Ask(1, 3, 0, 10))


def transmitters(data: bytes) -> None:
    """What calls at a fire line: as it comes, and as the data of a frame that is right."""
    reader, caller = FrameReader(), Transmitter("d", "auto", ZONE, 60_000)
    place = bytes(6)
    whole = encode(
        Frame(
            sequence=1,
            version=b"\1\1",
            time=LABEL,
            source=place,
            destination=place,
            command=2,
            data=data[:900],
        )
    )
    stream = data + whole
    for start in range(0, len(stream), 11):
        for frame in reader.feed(stream[start : start + 11]):
            caller.hears(frame, 0, NOW.wall)


def messages(data: bytes) -> None:
    """Messages of devices that publish or post."""
    if not data:
        return
    number = data[0] % len(PUBLISHING)
    profile, topics = PUBLISHING[number], TOPICS[number]
    presence = LinePresence(["d"], signs=topics.signs)
    for topic in profile.topics:
        place = topic.topic.replace("{address}", "a").replace("{any}", "x")
        for payload in (data[1:], _wrapped(topic, data[1:])):
            for said in topics.read(place, payload, 0):
                presence.takes(said, 0, retained=False)


def _wrapped(topic: Topic, noise: bytes) -> bytes:
    """A message of the right form with noise for its values."""
    body: dict[str, object] = {}
    for path in filter(None, (topic.person, topic.at, topic.dedup, *(f.path for f in topic.fields))):
        _put(body, path, noise.decode("latin-1") if len(noise) % 2 else int.from_bytes(noise[:9], "big"))
    for path, words_ in topic.where.items():
        _put(body, path, words_[0] if words_ else "x")
    if topic.tlv_at is not None:
        _put(body, topic.tlv_at, base64.b64encode(noise).decode())
    return msgspec.json.encode(body)


def posts(data: bytes) -> None:
    """Bodies of forms."""
    try:
        _message(b"multipart/form-data; boundary=x", data)
    except ValueError:
        return


def wands(data: bytes) -> None:
    """Answers of a patrol wand: as they come, and with a check that is right."""
    body = data.ljust(12, b"\0")[:12]
    with contextlib.suppress(WandError):
        words.read_record(b"\0" + body + bytes([words.check_of(body)]))
    try:
        words.read_record(data.ljust(14, b"\0")[:14])
        words.read_count(data.ljust(7, b"\0")[:7])
    except WandError:
        return


def logs(data: bytes) -> None:
    """Files of people."""
    for profile in LOGS:
        for head in ("", *HEADS):
            file_reader(Device(id="d"), profile, ZONE)(head.encode() + data, NOW)


def batches(data: bytes) -> None:
    """What agents send up."""
    try:
        batch_decoder.decode(data)
    except msgspec.MsgspecError:
        return


DECODERS: dict[str, Callable[[bytes], None]] = {
    decoder.__name__: decoder
    for decoder in (registers, frames, transmitters, messages, posts, wands, logs, batches)
}


def main() -> None:
    """Fuzz the decoder that the command line names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in DECODERS:
        sys.exit(f"expected one of {', '.join(DECODERS)}")
    decode = DECODERS[name]

    def one(data: bytes) -> None:
        try:
            decode(data)
        except EdgeError as error:
            raise AssertionError(f"{name} let {error!r} through") from error

    atheris.Setup([sys.argv[0], "-timeout=1", *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
