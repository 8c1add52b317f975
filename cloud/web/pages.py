"""The pages: one shell for every address that people use, and the files that it is built of (`cloud/ui`)."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from typing_extensions import override

STATIC: Final = Path(__file__).parent / "static"
"""What `vite build` made of `cloud/ui`; not in the repository."""

ADDRESSES: Final = ("/", "/s/{rest:path}", "/field", "/field/{rest:path}", "/t/{rest:path}")
"""The shell answers all of these; what it shows it decides by the address."""

_LOOSE: Final = ("sw.js", "manifest.webmanifest", "icon.svg")
_FRESH: Final = {"Cache-Control": "no-cache"}
_NOT_BUILT: Final = "The pages are not built. Run `make install`, or `npm ci && npm run build` in cloud/ui.\n"


def add_pages(app: FastAPI, static: Path = STATIC) -> None:
    """Serve the shell and its files; a shell that is not built says so, and the API works all the same."""

    async def shell() -> Response:
        page = static / "index.html"
        if not page.is_file():
            return PlainTextResponse(_NOT_BUILT, status_code=503)
        return FileResponse(page, headers=_FRESH)

    async def loose(name: str) -> Response:
        file = static / name
        if name not in _LOOSE or not file.is_file():
            raise HTTPException(404, f"no page {name!r}")
        return FileResponse(file, headers=_FRESH)

    for address in ADDRESSES:
        app.add_api_route(address, shell, include_in_schema=False)
    app.mount("/assets", _Assets(directory=static / "assets", check_dir=False))
    app.add_api_route("/{name}", loose, include_in_schema=False)


class _Assets(StaticFiles):
    """Files whose names change with their content: a browser never asks twice."""

    @override
    def file_response(self, *args: object, **named: object) -> Response:
        response = super().file_response(*args, **named)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
