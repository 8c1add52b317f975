"""Files are written piece by piece, within limits, and only by pages of our own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cloud.web.security import MOST_FILE

FILES = "/api/v1/sites/demo/files"
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)


def kept(folder: Path) -> list[Path]:
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


async def test_a_file_comes_in_pieces_and_is_kept_whole(client: Any, tmp_path: Path) -> None:
    async with client() as web:
        got = await web.post(FILES, content=pieces(JPEG[:2], JPEG[2:20], JPEG[20:]))
        assert (got.status_code, got.json()["size"]) == (201, len(JPEG))
        assert (await web.get(f"{FILES}/{got.json()['sha256']}")).content == JPEG
        assert (await web.post(FILES, content=JPEG)).json() == got.json()
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ((b"no picture at all, but long enough to know",), 415),
        ((b"", b"x"), 415),
        ((JPEG, bytes(MOST_FILE)), 413),
    ],
    ids=["another type", "too short", "too large"],
)
async def test_what_is_refused_leaves_nothing_behind(
    client: Any, tmp_path: Path, given: tuple[bytes, ...], status: int
) -> None:
    async with client() as web:
        assert (await web.post(FILES, content=pieces(*given))).status_code == status
    assert kept(tmp_path) == []


async def test_a_client_has_its_share_of_the_day(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.web.uploads.MOST_OF_CLIENT", len(JPEG))
    async with client() as web:
        assert (await web.post(FILES, content=JPEG)).status_code == 201
        assert (await web.post(FILES, content=JPEG + b"1")).status_code == 429
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({}, 201),
    ],
    ids=str,
)
async def test_a_page_of_another_site_uploads_nothing(
    client: Any, headers: dict[str, str], status: int
) -> None:
    async with client() as web:
        assert (await web.post(FILES, content=JPEG, headers=headers)).status_code == status
