"""Pictures, recordings and videos of customers, fetched from the platform once and shown to staff only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from bot.channels.base import NotDelivered, TooLong
from bot.channels.calls import ApiError
from core.errors import NotFound, Unavailable
from core.staff import StaffDirectory
from core.transcript import Message, Transcript

log = structlog.get_logger(__name__)
MAX_BYTES = 20 * 1024 * 1024
SHOWN = {
    rb"\xff\xd8\xff": "image/jpeg",
    rb"\x89PNG\r\n\x1a\n": "image/png",
    rb"GIF8": "image/gif",
    rb"RIFF.{4}WEBP": "image/webp",
    rb"#!AMR": "audio/amr",
    rb".{4}ftyp": "video/mp4",
}
"""Patterns that files begin with. Anything else is only offered for saving."""
_MESSAGE_ID = re.compile(r"m_[0-9A-Za-z]{20,40}")


class MediaSource(Protocol):
    """A platform that keeps what customers sent, for three days."""

    async def media(self, media_id: str, limit: int) -> bytes:
        """The file. Raises NotDelivered, ApiError."""


class Media:
    """Keeps files below ``folder``, each under the id of its message."""

    def __init__(
        self, folder: Path, transcript: Transcript, sources: Mapping[str, MediaSource]
    ) -> None:
        self._folder = folder
        self._transcript = transcript
        self._sources = sources

    async def file_of(self, message_id: str) -> Path:
        """The file, fetched if it is not here yet.

        Raises:
            NotFound: no such message, nothing in it, too large, or the platform has it no more.
            Unavailable: the platform does not answer.
        """
        path = self._folder / message_id
        if not _MESSAGE_ID.fullmatch(message_id):
            raise NotFound("没有找到这个文件。")
        if await asyncio.to_thread(path.exists):
            return path
        found = await self._transcript.with_ids([message_id])
        if not found or not await self.keep(found[0]):
            raise NotFound("文件已经过期，平台只保留三天。")
        return path

    async def keep(self, message: Message) -> bool:
        """Fetches what a message carries, while the platform has it; False when there is nothing.

        Raises:
            NotFound: it is too large.
            Unavailable: the platform does not answer.
        """
        card: dict[str, Any] = message.card or {}
        source, media_id = self._sources.get(str(card.get("channel"))), card.get("media_id")
        if source is None or not media_id or card.get("type") != "media":
            return False
        try:
            content = await source.media(str(media_id), MAX_BYTES)
        except ApiError as error:
            log.info("media_gone", code=error.code)
            return False
        except TooLong as error:
            raise NotFound("文件超过20MB，没有保存，可以请客户压缩后再发。") from error
        except NotDelivered as error:
            raise Unavailable("平台暂时取不到这个文件，请稍后再试。") from error
        await asyncio.to_thread(self._write, message.id, content)
        return True

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{name}"
        temporary.write_bytes(content)
        temporary.replace(self._folder / name)


def kind_of(path: Path) -> str | None:
    """The type that a browser may show, by the file's own first bytes; whatever was said of it."""
    with path.open("rb") as opened:
        head = opened.read(16)
    return next((kind for start, kind in SHOWN.items() if re.match(start, head, re.DOTALL)), None)


def create_router(media: Media, staff: StaffDirectory) -> APIRouter:
    """``GET /api/v1/media/{message_id}`` for agents and supervisors."""
    router = APIRouter(prefix="/api/v1", tags=["media"])

    @router.get("/media/{message_id}", dependencies=[Depends(staff.guard("agent", "supervisor"))])
    async def file(message_id: str) -> FileResponse:
        """What a customer sent: a picture, recording or video."""
        path = await media.file_of(message_id)
        kind = await asyncio.to_thread(kind_of, path)
        if kind is None:
            return FileResponse(path, media_type="application/octet-stream", filename=message_id)
        return FileResponse(path, media_type=kind)

    return router
