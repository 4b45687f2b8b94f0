"""A desk of one's own in 80 lines: takes Changda's webhooks, and serves customers over its REST contract.

    pip install fastapi uvicorn httpx
    CHANGDA=https://changda.example.com SECRET=… TOKEN=… uvicorn desk:app --port 8090

With CHANGDA_DESK=webhook, CHANGDA_DESK_WEBHOOK_URL=https://<here>/changda, CHANGDA_DESK_WEBHOOK_SECRET (SECRET)
and CHANGDA_DESK_TOKEN (TOKEN) on Changda's side. A real desk keeps ``seen`` and ``cases`` in its database.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from typing import Any
from urllib.parse import quote

import httpx
from fastapi import FastAPI, HTTPException, Request, Response

app = FastAPI(title="An operator's desk")
seen: set[str] = set()
cases: dict[str, dict[str, Any]] = {}


def check(header: str, body: bytes) -> None:
    """Signed by Changda within the last five minutes, or 401."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    moment, given = parts.get("t", ""), parts.get("v1", "")
    signed = hmac.new(os.environ["SECRET"].encode(), moment.encode() + b"." + body, hashlib.sha256)
    fresh = moment.isdigit() and abs(time.time() - int(moment)) <= 300
    if not fresh or not hmac.compare_digest(signed.hexdigest().encode(), given.encode()):
        raise HTTPException(401)


@app.post("/changda", status_code=204)
async def changda(request: Request) -> Response:
    """One event. Answered only when it is kept: what is not answered comes again."""
    body = await request.body()
    check(request.headers.get("x-changda-signature", ""), body)
    event = json.loads(body)
    if event["event_id"] not in seen:
        keep(event)
        seen.add(event["event_id"])
    return Response(status_code=204)


def keep(event: dict[str, Any]) -> None:
    """What the desk makes of an event."""
    case = cases.setdefault(event["handoff_id"], {"lines": []})
    case["state"] = event.get("state")
    if "package" in event:
        case["summary"] = event["package"]["summary"]["text"]
        case["transcript"] = event["package"]["transcript"]
    if event["event"] == "message.created":
        case["lines"].append(event["message"]["text"])
    if event["event"] == "handoff.rated":
        case["score"] = event["score"]


async def act(agent: tuple[str, str], handoff_id: str, deed: str, **body: Any) -> dict[str, Any]:
    """Lets an agent of ours (id, name) accept, send messages or notes, transfer, return or close."""
    headers = {
        "Authorization": f"Bearer {os.environ['TOKEN']}",
        "X-Agent-Id": agent[0],
        "X-Agent-Name": quote(agent[1]),
    }
    url = f"{os.environ['CHANGDA']}/api/v1/handoffs/{handoff_id}/{deed}"
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        answer = await http.post(url, json=body)
    if answer.is_error:
        raise RuntimeError(answer.json()["detail"])  # Chinese, for the agent's screen.
    done: dict[str, Any] = answer.json()
    return done
