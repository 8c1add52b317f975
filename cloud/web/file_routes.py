"""`/api/v1/sites/…/files`: photos and papers, kept under the hash of their content."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from cloud.operations.files import FILE_TYPES, content_type
from cloud.store.files import FileStore, Part
from cloud.web.contacts import contact_in
from cloud.web.context import Context, InContext, OfSite
from cloud.web.models import Model
from cloud.web.problems import PROBLEMS

router = APIRouter(prefix="/api/v1/sites", tags=["files"], responses=PROBLEMS)
_HEAD: Final = 16
_BODY = {name: {"schema": {"type": "string", "format": "binary"}} for name in FILE_TYPES}


class FileView(Model):
    """A file that was kept: name it by `sha256` in the action `attach`."""

    sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
    type: str = Field(examples=["image/jpeg"])
    size: int = Field(examples=[182_044])


@router.post("/{site}/files", status_code=201, openapi_extra={"requestBody": {"content": _BODY}})
async def put_file(site: OfSite, context: InContext, request: Request) -> FileView:
    """Keep a photo (JPEG, PNG, WebP) or a PDF of at most 20 MB; sent again it is the same file."""
    files = _files(context)
    contact = contact_in(request.scope)
    client = contact.client if contact is not None else ""
    with context.uploads.place(site.id, client, context.clocks.now()):
        part = await asyncio.to_thread(files.begin, site.id)
        try:
            kind = await _receive(request, part)
            digest = await asyncio.to_thread(part.end)
        except BaseException:
            part.drop()
            raise
    context.uploads.took(site.id, client, part.size)
    return FileView(sha256=digest, type=kind, size=part.size)


async def _receive(request: Request, part: Part) -> str:
    """Write the body to disk piece by piece; its type, which its first bytes tell."""
    kind, head = None, b""
    async for piece in request.stream():
        if kind is None:
            head += piece[:_HEAD]
            kind = content_type(head[:_HEAD])
            if kind is None and len(head) >= _HEAD:
                break
        await asyncio.to_thread(part.add, piece)
    if kind is None:
        raise HTTPException(415, f"expected {', '.join(FILE_TYPES)}; the content is none of them")
    return kind


@router.get("/{site}/files/{sha256}", response_class=FileResponse)
async def read_file(
    site: OfSite, context: InContext, sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
) -> FileResponse:
    """A file as it was uploaded."""
    path = _files(context).find(site.id, sha256)
    if path is None:
        raise HTTPException(404, f"no file {sha256}")
    with path.open("rb") as file:
        kind = content_type(file.read(16))
    headers = {"Cache-Control": "private, immutable, max-age=31536000"}
    return FileResponse(path, media_type=kind, headers=headers, content_disposition_type="inline")


def _files(context: Context) -> FileStore:
    if context.files is None:
        raise HTTPException(503, "no folder for files is set: the setting files names one")
    return context.files
