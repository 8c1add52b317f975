"""The pages: one shell for the control room, one for the tablet, and the files that they are built of (`cloud/ui`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from typing_extensions import override

STATIC: Final = Path(__file__).parent / "static"
"""What `vite build` made of `cloud/ui`; not in the repository."""

SHELLS: Final = {
    "index.html": ("/", "/s/{rest:path}"),
    "field.html": ("/field", "/field/{rest:path}", "/t/{rest:path}"),
}
"""The control room's and the tablet's shell, and the addresses that each answers; what it shows it decides by the address."""

_LOOSE: Final = ("sw.js", "manifest.webmanifest", "icon.svg")
_FRESH: Final = {"Cache-Control": "no-cache"}
_NOT_BUILT: Final = "The pages are not built. Run `make install`, or `npm ci && npm run build` in cloud/ui.\n"


def add_pages(app: FastAPI, static: Path = STATIC) -> None:
    """Serve the shell and its files; a shell that is not built says so, and the API works all the same."""

    def shell(page: Path) -> Callable[[], Response]:
        def answer() -> Response:
            if not page.is_file():
                return PlainTextResponse(_NOT_BUILT, status_code=503)
            return FileResponse(page, headers=_FRESH)

        return answer

    async def loose(name: str) -> Response:
        file = static / name
        if name not in _LOOSE or not file.is_file():
            raise HTTPException(404, f"no page {name!r}")
        return FileResponse(file, headers=_FRESH)

    for name, addresses in SHELLS.items():
        for address in addresses:
            app.add_api_route(address, shell(static / name), include_in_schema=False)
    app.mount("/assets", _Assets(directory=static / "assets", check_dir=False))
    app.add_api_route("/{name}", loose, include_in_schema=False)


class _Assets(StaticFiles):
    """Files whose names change with their content: a browser never asks twice."""

    @override
    def file_response(self, *args: object, **named: object) -> Response:
        response = super().file_response(*args, **named)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
