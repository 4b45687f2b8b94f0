"""What WeChat posts, read kind by kind."""

from __future__ import annotations

import pytest

from bot.channels import xml
from bot.channels.wechat.inbound import NotUnderstood, understand, web_address

SENT = {"ToUserName": "gh_1", "FromUserName": "oLi", "CreateTime": "1700000000"}


@pytest.mark.parametrize(
    ("kind", "fields", "shown", "text"),
    [
        ("image", {"PicUrl": "https://a.cn/1.jpg"}, "image", "[图片]"),
        ("voice", {"MediaId": "m", "Format": "amr"}, "voice", "[语音]"),
        ("video", {"MediaId": "m"}, "video", "[视频]"),
        ("shortvideo", {"MediaId": "m"}, "video", "[视频]"),
        ("location", {"Location_X": "39.9", "Location_Y": "116", "Label": "望京"}, "location", "[位置] 望京"),
        ("link", {"Title": "套餐", "Url": "https://a.cn"}, "link", "[链接] 套餐"),
        ("file", {"Title": "账单.pdf"}, "other", "[其他消息]"),
    ],
)  # fmt: skip
def test_every_kind(kind: str, fields: dict[str, str], shown: str, text: str) -> None:
    read = understand(SENT | {"MsgType": kind, "MsgId": "1"} | fields)
    assert (read.kind, read.text, read.key) == ("message", text, "wx-1")
    assert read.card is not None
    assert read.card["kind"] == shown


@pytest.mark.parametrize(
    ("event", "key", "kind", "scene"),
    [
        ("subscribe", "qrscene_shop", "follow", "shop"), ("subscribe", "", "follow", None),
        ("SCAN", "shop", "scan", "shop"), ("unsubscribe", "", "unfollow", None),
        ("CLICK", "查话费", "click", None), ("VIEW", "https://a.cn", "other", None),
        ("LOCATION", "", "other", None), ("kf_switch_session", "", "other", None),
        ("TEMPLATESENDJOBFINISH", "", "unreached", None), ("masssendjobfinish", "", "other", None),
    ],
)  # fmt: skip
def test_every_event(event: str, key: str, kind: str, scene: str | None) -> None:
    read = understand(SENT | {"MsgType": "event", "Event": event, "EventKey": key})
    assert (read.kind, read.scene) == (kind, scene)
    assert read.acted == (kind in ("follow", "scan", "click"))


def test_two_events_of_one_second_are_two() -> None:
    event = SENT | {"MsgType": "event", "Event": "CLICK"}
    keys = [understand(event | {"EventKey": key}).key for key in ("查话费", "查流量", "查话费")]
    assert keys[0] == keys[2] != keys[1]


def test_every_template_of_an_event_counts() -> None:
    body = (
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>oLi</FromUserName>"
        "<CreateTime>1</CreateTime><MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event>"
        "<SubscribeMsgPopupEvent>"
        "<List><TemplateId>a</TemplateId><SubscribeStatusString>reject</SubscribeStatusString></List>"
        "<List><TemplateId>b</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List>"
        "</SubscribeMsgPopupEvent></xml>"
    )
    assert understand(xml.read(body.encode())).consents == {"a": False, "b": True}


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"MsgType": "text"}, SENT | {"MsgType": "text"}, SENT | {"MsgType": "text", "MsgId": "x"},
        SENT | {"MsgType": "event"}, SENT | {"MsgType": "event", "Event": "SCAN", "CreateTime": "x"},
        SENT | {"MsgType": "text", "MsgId": "1", "FromUserName": "o" * 65},
        SENT | {"MsgType": "text", "MsgId": "1", "FromUserName": "张"},
    ],
)  # fmt: skip
def test_what_is_incomplete_is_not_understood(fields: dict[str, str]) -> None:
    with pytest.raises(NotUnderstood):
        understand(fields)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "", "https://", "http://[", "file:///a"]
)
def test_only_addresses_of_the_web_are_passed_on(address: str) -> None:
    assert web_address(address) is None
