"""Who may come in, and what every answer tells the browser to refuse."""

from typing import Any

import pytest

from cloud.errors import SettingsError
from cloud.web.options import WebOptions, check_options
from cloud.web.security import SESSION_COOKIE

TOKEN = "a-token-of-fair-length"
SITES = "/api/v1/sites"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "wall.example"])
def test_a_network_is_not_served_without_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match="without web_token only this machine is served"):
        check_options(WebOptions(host=host))
    check_options(WebOptions(host=host, token=TOKEN))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_this_machine_is_served_without_one(host: str) -> None:
    check_options(WebOptions(host=host))


def test_a_short_token_is_none() -> None:
    with pytest.raises(SettingsError, match="at least 16"):
        check_options(WebOptions(token="secret"))


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:1"])
async def test_without_a_token_this_machine_is_known_by_its_names(client: Any, name: str) -> None:
    async with client() as web:
        assert (await web.get(SITES, headers={"host": name})).status_code == 200


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "", "192.168.1.5"])
async def test_a_page_of_another_site_does_not_get_in_under_its_own_name(client: Any, name: str) -> None:
    async with client() as web:
        answer = await web.get(SITES, headers={"host": name})
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer"},
        {"cookie": f"{SESSION_COOKIE}={TOKEN}"},
        {"cookie": f"{SESSION_COOKIE}=ü"},
        {"cookie": "=;=,\\"},
    ],
)
@pytest.mark.parametrize(
    "path", [SITES, "/metrics", "/api/v1/openapi.json", "/api/v1/stream", "/api/v1/nothing"]
)
async def test_with_a_token_nobody_gets_in_without_it(
    client: Any, path: str, headers: dict[str, str]
) -> None:
    async with client(host="0.0.0.0", token=TOKEN, metrics=True, docs=True) as web:
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = await web.get(path, headers=raw)
        assert answer.status_code == 401
        assert answer.json()["type"] == "urn:sitewarden:problem:no-access"


async def test_the_token_lets_in_under_any_name(client: Any) -> None:
    async with client(host="0.0.0.0", token=TOKEN, base_url="http://wall.example") as web:
        assert (await web.get(SITES, headers={"authorization": f"bearer {TOKEN}"})).status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/icon.svg"])
async def test_what_holds_nothing_of_a_site_needs_no_token(client: Any, path: str) -> None:
    async with client(host="0.0.0.0", token=TOKEN) as web:
        await web.app.state.context.feed.refresh()
        assert (await web.get(path)).status_code == 200


async def test_a_browser_that_signed_in_shows_a_cookie_that_is_not_the_token(client: Any) -> None:
    async with client(host="0.0.0.0", token=TOKEN, base_url="https://wall.example") as web:
        answer = await web.post("/api/v1/session", json={"token": TOKEN})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-sitewarden=")
        for part in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
            assert part in cookie
        assert TOKEN not in cookie
        shown = {"cookie": cookie.split(";")[0]}
        assert (await web.get(SITES, headers=shown)).status_code == 200
        forgotten = (await web.delete("/api/v1/session", headers=shown)).headers["set-cookie"]
        assert "Max-Age=0" in forgotten


async def test_a_wrong_token_does_not_sign_in(client: Any) -> None:
    async with client(host="0.0.0.0", token=TOKEN, base_url="https://wall.example") as web:
        answer = await web.post("/api/v1/session", json={"token": TOKEN + "x"})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers


async def test_nobody_signs_in_over_a_wire_that_others_read(client: Any) -> None:
    async with client(host="0.0.0.0", token=TOKEN, base_url="http://wall.example") as web:
        answer = await web.post("/api/v1/session", json={"token": TOKEN})
        assert answer.status_code == 403
        assert "https" in answer.json()["detail"]


async def test_nobody_signs_in_where_no_token_is_asked_for(client: Any) -> None:
    async with client() as web:
        assert (await web.post("/api/v1/session", json={"token": ""})).status_code == 404


@pytest.mark.parametrize(("path", "option"), [("/metrics", "metrics"), ("/api/v1/openapi.json", "docs")])
async def test_s16_figures_and_description_are_not_offered_to_a_network(
    client: Any, path: str, option: str
) -> None:
    shown = {"authorization": f"Bearer {TOKEN}"}
    async with client(host="0.0.0.0", token=TOKEN) as web:
        assert (await web.get(path, headers=shown)).status_code == 404
    async with client(host="0.0.0.0", token=TOKEN, **{option: True}) as web:
        assert (await web.get(path, headers=shown)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/icon.svg", SITES, "/nothing", "/healthz", "/api/v1/stream?after=x"])
async def test_s13_every_answer_carries_the_headers(client: Any, path: str) -> None:
    async with client() as web:
        headers = (await web.get(path, headers={"origin": "https://evil.example"})).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
    assert "strict-transport-security" not in headers


async def test_s13_https_is_kept_to(client: Any) -> None:
    async with client(base_url="https://localhost") as web:
        assert (await web.get("/")).headers["strict-transport-security"] == "max-age=31536000"


async def test_nothing_of_a_site_stays_in_a_cache(client: Any) -> None:
    async with client() as web:
        assert (await web.get(SITES)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("chunked", [True, False])
async def test_s15_nobody_brings_more_than_a_little(client: Any, chunked: bool) -> None:
    async def pieces() -> Any:
        for _ in range(100):
            yield b'{"token":"' + b"x" * 100_000

    async with client(host="0.0.0.0", token=TOKEN) as web:
        content = pieces() if chunked else b"x" * 10_000_000
        answer = await web.post(
            "/api/v1/session", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413


async def test_only_actions_files_and_answers_of_screens_can_be_written(client: Any) -> None:
    async with client() as web:
        paths = (await web.get("/api/v1/openapi.json")).json()["paths"]
        writable = {path for path, methods in paths.items() if set(methods) - {"get"}}
        assert writable == {
            "/api/v1/session",
            "/api/v1/sites/{site}/backtest",
            "/api/v1/sites/{site}/actions",
            "/api/v1/sites/{site}/files",
            "/api/v1/sites/{site}/screens/{screen}/answers",
        }, (
            "a backtest is asked and keeps nothing, a screen's answer says only that it lives; everything else that"
            " changes anything is an action or a file"
        )
        assert (await web.post(SITES)).status_code == 405
