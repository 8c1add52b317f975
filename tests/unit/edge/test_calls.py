"""Devices that call by HTTP in their own way: handshakes, kept records, words in the query, platforms for many."""

import datetime as dt
import json
import zoneinfo
from typing import Any

import msgspec
import pytest

from contract.causes import Cause, because
from contract.profile.load import load_profile
from contract.profile.model import HttpProfile
from contract.site import Device
from edge.ports import Covered, Failed
from edge.posts import Post, Posts
from edge.said import Call
from edge.topicmap import TopicMap
from tests.bus import PROFILES, events, kinds, readings

CHINA = zoneinfo.ZoneInfo("Asia/Shanghai")
SN = "CQUG243160247"
ATTLOG = Call("POST", {"SN": SN, "table": "ATTLOG", "Stamp": "9999"})
PUNCHES = b"18\t2026-01-18 15:31:30\t255\t1\t0\t0\t0\t255\t0\t0\t1278\n19\t2026-01-18 09:00:15\t255\t0\t0\n"


def shipped(name: str, **addresses: str) -> Posts:
    profile = load_profile(PROFILES / f"{name}.yaml")
    assert isinstance(profile, HttpProfile)
    devices = [Device(id=device, address=address) for device, address in addresses.items()]
    topics = TopicMap([(device, profile) for device in devices], CHINA)
    return Posts(topics, dict.fromkeys(addresses, 180_000))


def hears(
    posts: Posts, path: str, body: bytes | dict[str, Any] = b"", call: Call = ATTLOG, now: int = 1_000
) -> Post:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    post = posts.hears(path, raw, now, call)
    assert post is not None
    return post


# --- an attendance terminal


def test_the_records_that_a_terminal_pushes_are_events_of_their_own_time_and_counted_in_the_answer() -> None:
    post = hears(shipped("zkteco-push", gate=SN), "iclock/cdata", PUNCHES)
    told = [(event.type, event.person, event.device_at) for event in events(post.seen)]
    first = round(dt.datetime(2026, 1, 18, 15, 31, 30, tzinfo=CHINA).timestamp() * 1_000)
    assert told[0] == ("access.granted", "18", first)
    assert [person for _, person, _ in told] == ["18", "19"]
    assert (post.answer, post.why) == ("OK: 2", "")


def test_records_that_come_again_are_answered_and_not_told_again() -> None:
    posts = shipped("zkteco-push", gate=SN)
    hears(posts, "iclock/cdata", PUNCHES)
    again = hears(posts, "iclock/cdata", PUNCHES, now=2_000)
    assert (kinds(again.seen), again.answer) == ([], "OK: 2")


def test_one_bad_record_holds_up_no_other() -> None:
    post = hears(
        shipped("zkteco-push", gate=SN), "iclock/cdata", PUNCHES + b"20\t2026-02-30 08:00:00\t0\t1\n21\n"
    )
    assert kinds(post.seen) == ["access.granted", "access.granted", "device.fault"]
    assert post.answer == "OK: 4"


def test_a_terminal_is_told_at_its_handshake_from_where_to_go_on_also_in_a_later_life() -> None:
    hello = Call("GET", {"SN": SN, "options": "all", "pushver": "2.4.1"})
    posts = shipped("zkteco-push", gate=SN)
    assert "ATTLOGStamp=None" in hears(posts, "iclock/cdata", call=hello).answer
    notes = hears(posts, "iclock/cdata", PUNCHES).notes
    later = shipped("zkteco-push", gate=SN)
    later.recall(notes)
    answer = hears(later, "iclock/cdata", call=hello).answer
    assert answer.splitlines()[:2] == [f"GET OPTION FROM: {SN}", "ATTLOGStamp=9999"]


def test_a_heartbeat_by_get_says_that_the_terminal_is_there() -> None:
    posts = shipped("zkteco-push", gate=SN)
    for now in (1_000, 60_000):
        post = hears(posts, "iclock/getrequest", call=Call("GET", {"SN": SN}), now=now)
    assert (post.answer, post.seen) == ("OK", (Covered(devices=("gate",), since=1_000, to=60_000),))
    assert posts.hears("iclock/getrequest", b"", 61_000, Call("GET", {"SN": "another"})) is None


def test_operations_and_photos_are_taken_and_left_out() -> None:
    post = hears(shipped("zkteco-push", gate=SN), "iclock/cdata", b"OPLOG 4\t14\n", Call("POST", {"SN": SN, "table": "OPERLOG"}))  # fmt: skip
    assert (kinds(post.seen), post.answer) == ([], "OK")


# --- a smoke detector behind a platform


def test_a_platform_that_asks_whether_somebody_listens_gets_its_word_back() -> None:
    call = Call("GET", {"msg": "xyz", "nonce": "n", "signature": "s"})
    post = hears(shipped("onenet-smoke", d1="4501"), "onenet", call=call)
    assert (post.answer, post.seen) == ("xyz", ())


def test_a_platform_says_of_which_of_its_devices_it_speaks() -> None:
    posts = shipped("onenet-smoke", d1="4501", d2="4502")
    data = {"type": 1, "dev_id": 4502, "ds_id": "3342_0_5500", "at": 1_764_547_200_000, "value": True}
    post = hears(posts, "onenet", {"msg": data, "msg_signature": "s", "nonce": "n"}, Call())
    (fire,) = events(post.seen)
    assert (fire.device, fire.type) == ("d2", "fire.alarm")
    both = [data | {"value": False}, data | {"dev_id": 4501, "ds_id": "3_0_9", "value": 87}, {"type": 9}]
    post = hears(posts, "onenet", {"msg": both, "nonce": "n"}, Call(), now=2_000)
    assert [(event.device, event.data["state"]) for event in events(post.seen)] == [("d2", "cleared")]
    assert (readings(post.seen)["battery_level"].device, readings(post.seen)["battery_level"].value) == (
        "d1",
        87,
    )


def test_a_device_that_the_platform_calls_offline_is_not_known() -> None:
    posts = shipped("onenet-smoke", d1="4501")
    status = {"type": 2, "dev_id": 4501, "status": 0, "login_type": 10, "at": 1}
    post = hears(posts, "onenet", {"msg": status}, Call())
    assert post.seen == (Failed(devices=("d1",), at=1_000, why=because(Cause.OFFLINE)),)


# --- words in the query, and forms


def test_a_sensor_may_say_its_values_in_the_query() -> None:
    profile = msgspec.convert(
        {
            "protocol": "http",
            "profile": "ht",
            "topics": [
                {
                    "topic": "report?id={address}",
                    "method": "GET",
                    "body": "query",
                    "fields": [
                        {"name": "temperature", "path": "temp"},
                        {"name": "humidity", "path": "hum", "max": 100},
                    ],
                }
            ],
        },
        HttpProfile,
    )
    posts = Posts(TopicMap([(Device(id="ht", address="shellyht-1"), profile)]), {"ht": 1})
    post = hears(posts, "report", call=Call("GET", {"id": "shellyht-1", "temp": "21.5", "hum": "999"}))
    seen = readings(post.seen)
    assert (seen["temperature"].value, seen["humidity"].value) == (21.5, None)


@pytest.mark.parametrize("body", [b"card=c%3A1&n=4", b"n=4&card=c:1"])
def test_a_form_is_a_message(body: bytes) -> None:
    topic = {
        "topic": "f/{address}",
        "body": "form",
        "type": "checkpoint.scan",
        "person": "card",
        "dedup": "n",
    }
    profile = msgspec.convert(
        {"protocol": "http", "profile": "f", "emits": ["checkpoint.scan"], "topics": [topic]}, HttpProfile
    )
    posts = Posts(TopicMap([(Device(id="d", address="1"), profile)]), {"d": 1})
    (scan,) = events(hears(posts, "f/1", body, Call()).seen)
    assert scan.person == "c:1"
