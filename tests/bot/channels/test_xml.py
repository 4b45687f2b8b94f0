"""The XML reader takes what WeChat sends and nothing that hurts."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels import xml
from bot.channels.standin.sealing import from_xml, to_xml

BOMB = (
    '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><xml><Content>&b;</Content></xml>'
)
EXTERNAL = '<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml><Content>&x;</Content></xml>'


def test_reads_what_the_platform_writes() -> None:
    text = to_xml({"MsgType": "text", "CreateTime": 17, "Content": "查话费 <b>&amp;"})
    assert xml.read(text.encode()) == {
        "MsgType": "text", "CreateTime": "17", "Content": "查话费 <b>&amp;",
    }  # fmt: skip


def test_nested_elements_have_paths() -> None:
    body = b"<xml><ScanCodeInfo><ScanType>qr</ScanType></ScanCodeInfo></xml>"
    assert xml.read(body)["ScanCodeInfo/ScanType"] == "qr"


@pytest.mark.parametrize(
    "body",
    [
        BOMB, EXTERNAL, "", "<xml>", "{}", "<xml><a></xml></a>", "<?php x?><xml/>",
        "<xml>" + "<a>" * 50 + "</a>" * 50 + "</xml>", "<xml>" + "<a/>" * 500 + "</xml>",
        "<xml>&undefined;</xml>",
    ],
)  # fmt: skip
def test_refuses(body: str) -> None:
    with pytest.raises(xml.BadXml):
        xml.read(body.encode())


def test_an_encoding_cannot_be_switched() -> None:
    body = "<?xml version='1.0' encoding='utf-16'?><xml><a>话</a></xml>".encode()
    assert xml.read(body)["a"] == "话"


@given(st.text(max_size=200))
def test_any_text_survives_the_way_out(text: str) -> None:
    said = from_xml(xml.write({"Content": text, "CreateTime": 1}))["Content"]
    # XML itself turns line ends into \n.
    assert said == xml.clean(text).replace("\r\n", "\n").replace("\r", "\n")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(xml.BadXml):
        xml.read(body)
