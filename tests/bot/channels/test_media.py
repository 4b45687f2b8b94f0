"""What customers send that is no text reaches the agents, through our own server."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from bot.channels.standin.demo import PAGE, VIDEO, VIDEO_ID
from bot.gateway import media_api
from bot.gateway.media_api import kind_of
from handoff.context import HandoffRequest
from tests.bot.channels.conftest import World
from tests.browser import PageOpener, open_page

__all__ = ["open_page"]
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


async def test_videos_come_from_both_platforms(world: World) -> None:
    """WeChat answers with the video's address, WeCom with the video."""
    await world.wechat.follow(LI)
    await world.wechat.message(LI, "shortvideo", MediaId=VIDEO_ID, ThumbMediaId="demo")
    await world.wecom.enter("wmWang1")
    await world.wecom.message("wmWang1", "video", {"media_id": VIDEO_ID})
    await world.until(lambda: any("视频" in t for t in world.wecom.people["wmWang1"].texts()))
    await world.services.channels.settle()
    for channel, account in (("wechat", LI), ("wecom", f"{world.wecom.open_kfid}/wmWang1")):
        (sent,) = [m for m in await world.transcript(channel, account) if m.sender == "customer"]
        assert (sent.text, (sent.card or {})["kind"]) == ("[视频]", "video")
        path = await world.services.channels.media.file_of(sent.id)
        assert (path.read_bytes(), kind_of(path)) == (VIDEO.read_bytes(), "video/mp4")


async def test_what_the_platform_has_no_more_is_told(world: World) -> None:
    await world.wechat.follow(LI)
    await world.wechat.message(LI, "voice", MediaId="gone", Format="amr")
    (message,) = [m for m in await world.transcript("wechat", LI) if m.sender == "customer"]
    async with httpx.AsyncClient(base_url=world.url, trust_env=False) as http:
        path = f"/api/v1/media/{message.id}"
        answer = await http.get(path, headers=await signed_in(world))
    assert answer.status_code == 404
    assert "三天" in answer.json()["detail"]


async def test_what_is_too_large_is_not_kept_and_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_api, "MAX_BYTES", 1000)
    await world.wechat.follow(LI)
    await world.wechat.message(LI, "image", PicUrl="https://mmbiz.qpic.cn/a.jpg", MediaId="demo")
    await world.services.channels.settle()
    assert "看不懂图片" in world.wechat.people[LI].texts()[-1]
    (message,) = [m for m in await world.transcript("wechat", LI) if m.sender == "customer"]
    async with httpx.AsyncClient(base_url=world.url, trust_env=False) as http:
        path = f"/api/v1/media/{message.id}"
        answer = await http.get(path, headers=await signed_in(world))
    assert (answer.status_code, "20MB" in answer.json()["detail"]) == (404, True)


@pytest.mark.browser
async def test_the_desk_shows_pictures_videos_and_places(
    world: World, open_page: PageOpener
) -> None:
    await world.wechat.follow(LI)
    await world.wechat.message(LI, "image", PicUrl="https://mmbiz.qpic.cn/a.jpg", MediaId="demo")
    await world.wechat.message(
        LI, "location", Location_X=39.99, Location_Y=116.47, Scale=15, Label="<b>望京</b>"
    )
    await world.wechat.message(LI, "video", MediaId=VIDEO_ID, ThumbMediaId="demo")
    await world.wechat.message(
        LI, "link", Title="看这个", Description="", Url="javascript:alert(1)"
    )
    conversation = await world.services.identities.conversation_of("wechat", LI)
    request = HandoffRequest(trigger="asked", skill_group="general", request="转人工")
    await world.services.handoffs.open(conversation.id, request)
    await signed_in(world)
    browser = await open_page.context(viewport={"width": 1400, "height": 900})
    await browser.request.post(
        f"{world.url}/api/v1/auth/login",
        data={"username": "agent01", "password": "correct-horse-7"},
    )
    page = await open_page(f"{world.url}/desk", context=browser)
    await page.get_by_text("看这个").first.click(timeout=60_000)
    picture = page.locator(".card-media img")
    await expect(picture).to_be_visible()
    await page.wait_for_function("document.querySelector('.card-media img').naturalWidth > 0")
    await expect(page.locator(".card-media").nth(1)).to_contain_text("<b>望京</b>39.99，116.47")
    assert await page.locator(".card-media a[href^=javascript]").count() == 0
    await page.wait_for_function("document.querySelector('.card-media video').videoWidth === 480")


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
