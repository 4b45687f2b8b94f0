"""Reading and writing the flat XML of WeChat callbacks, with nothing of XML that can hurt.

No document type, so no entities and no bombs; few elements, shallow; the size is limited by the caller.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from xml.parsers import expat

MAX_ELEMENTS = 200
MAX_DEPTH = 6


class BadXml(Exception):
    """Not the XML that a platform sends."""


def read(body: bytes) -> dict[str, str]:
    """Texts of the elements below the root.

    Nested elements are named by their path: ``ScanCodeInfo/ScanType``. Where a path comes again, the name
    alone is the first, and ``name#2`` the second.

    Raises:
        BadXml: malformed, too deep, too many elements, or with a document type.
    """
    reader = _Reader()
    # The encoding is fixed: a declaration cannot switch it.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise BadXml(expat.errors.messages.get(error.code, "malformed")) from error
    return reader.fields


def _refuse(*_: Any) -> None:
    raise BadXml("document types and instructions are not read")


class _Reader:
    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._path: list[str] = []
        self._texts: list[list[str]] = []
        self._seen = 0
        self._count: Counter[str] = Counter()

    def start(self, name: str, _: dict[str, str]) -> None:
        self._seen += 1
        if self._seen > MAX_ELEMENTS or len(self._path) >= MAX_DEPTH:
            raise BadXml("too many elements")
        self._path.append(name)
        self._texts.append([])

    def end(self, _: str) -> None:
        text = "".join(self._texts.pop())
        name = "/".join(self._path[1:])
        if name:
            self._count[name] += 1
            times = self._count[name]
            self.fields[name if times == 1 else f"{name}#{times}"] = text.strip()
        self._path.pop()

    def text(self, data: str) -> None:
        self._texts[-1].append(data)


def write(fields: dict[str, str | int]) -> str:
    """``<xml>`` with one element a field; texts as CDATA, numbers bare."""
    return f"<xml>{''.join(_element(name, value) for name, value in fields.items())}</xml>"


def _element(name: str, value: str | int) -> str:
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    # A CDATA section cannot hold its own end, so that is cut in two.
    inner = clean(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{inner}]]></{name}>"


def clean(text: str) -> str:
    """Without the characters that XML 1.0 does not know."""
    return "".join(
        c
        for c in text
        if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000"
    )
