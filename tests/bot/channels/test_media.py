"""What customers send that is no text reaches the agents, through our own server."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from bot.channels.standin.demo import PAGE
from bot.gateway.media_api import kind_of
from tests.bot.channels.conftest import World

pytestmark = pytest.mark.integration
LI = "oLiNa000000000000000000000001"
PICTURE = (PAGE / "picture.png").read_bytes()


async def signed_in(world: World) -> dict[str, str]:
    await world.services.staff.create("agent01", "correct-horse-7", "小李", ["agent"], ["general"])
    token, _ = await world.services.staff.login("agent01", "correct-horse-7")
    return {"Authorization": f"Bearer {token}"}


async def test_a_picture_is_kept_and_shown_to_agents_only(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.message(LI, "image", PicUrl="https://mmbiz.qpic.cn/a.jpg", MediaId="demo")
    await world.services.channels.settle()
    (message,) = [m for m in await world.transcript("wechat", LI) if m.sender == "customer"]
    # The platform forgets; we do not.
    world.wechat.tokens.clear()
    world.wechat.secret = "changed"
    async with httpx.AsyncClient(base_url=world.url, trust_env=False) as http:
        path = f"/api/v1/media/{message.id}"
        assert (await http.get(path)).status_code == 401
        headers = await signed_in(world)
        shown = await http.get(path, headers=headers)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
        assert shown.content == PICTURE
        assert shown.headers["x-content-type-options"] == "nosniff"
        for other in ("m_00000000000000000000000000", "..%2f..%2fetc%2fpasswd", "x"):
            assert (await http.get(f"/api/v1/media/{other}", headers=headers)).status_code == 404


async def test_a_picture_on_wecom_has_no_address_but_comes_too(world: World) -> None:
    await world.wecom.enter("wmWang1")
    await world.wecom.message("wmWang1", "image", {"media_id": "demo"})
    await world.until(
        lambda: any("看不懂图片" in text for text in world.wecom.people["wmWang1"].texts())
    )
    await world.services.channels.settle()
    account = f"{world.wecom.open_kfid}/wmWang1"
    (message,) = [m for m in await world.transcript("wecom", account) if m.sender == "customer"]
    path = await world.services.channels.media.file_of(message.id)
    assert path.read_bytes() == PICTURE


async def test_what_the_platform_has_no_more_is_told(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.message(LI, "voice", MediaId="gone", Format="amr")
    (message,) = [m for m in await world.transcript("wechat", LI) if m.sender == "customer"]
    async with httpx.AsyncClient(base_url=world.url, trust_env=False) as http:
        path = f"/api/v1/media/{message.id}"
        answer = await http.get(path, headers=await signed_in(world))
    assert answer.status_code == 404
    assert "三天" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0....", "image/jpeg"), (b"RIFF....WEBPVP8 ", "image/webp"), (b"#!AMR\n", "audio/amr"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None), (b"<!doctype html>", None), (b"", None),
    ],
)  # fmt: skip
def test_only_what_cannot_run_is_shown(tmp_path: Path, content: bytes, kind: str | None) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert kind_of(path) == kind
