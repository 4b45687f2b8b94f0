"""Takes an uploaded file from a request, multipart or plain body, without reading more than
allowed.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from core.errors import InvalidInput, MalformedBody
from knowledge_base.reading import MAX_BYTES, FileTooLarge

_ENVELOPE = 64 * 1024


@dataclass(frozen=True)
class Upload:
    """The file as sent."""

    name: str
    content_type: str
    data: bytes


async def receive(request: Request) -> Upload:
    """The uploaded file.

    Raises:
        FileTooLarge: over 20 MB; a declared length is refused before anything is read.
        MalformedBody: broken multipart, or no file in it.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MAX_BYTES + _ENVELOPE:
        raise FileTooLarge
    content_type = request.headers.get("content-type", "").lower()
    if content_type.startswith("multipart/form-data"):
        if not declared.isdigit():
            raise InvalidInput("上传文件需要声明大小（Content-Length）。")
        return await _multipart(request)
    return Upload("", content_type, await _body(request))


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BYTES:
            raise FileTooLarge
    return bytes(data)


async def _multipart(request: Request) -> Upload:
    try:
        async with request.form(max_files=1, max_fields=10) as form:
            files = [value for value in form.values() if isinstance(value, UploadFile)]
            if not files:
                raise MalformedBody("没有收到文件，请选择要导入的文件。")
            file = files[0]
            if (file.size or 0) > MAX_BYTES:
                raise FileTooLarge
            return Upload(file.filename or "", file.content_type or "", await file.read())
    except (MultiPartException, HTTPException) as error:
        raise MalformedBody("上传的内容不完整，请重新选择文件。") from error
