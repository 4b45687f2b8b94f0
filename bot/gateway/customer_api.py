"""The customer's contract: sessions, messages, live connection, rating."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, StrictBool, StrictStr

from bot.channels.web import WebAdapter
from bot.gateway import words
from bot.gateway.services import Services, services_of
from bot.gateway.transcript_file import as_html, as_text
from core.clock import LOCAL_ZONE
from core.transcript import Draft, Message

router = APIRouter(prefix="/api/v1", tags=["customer"])
AppServices = Annotated[Services, Depends(services_of)]
PAGE = 500


class SessionRequest(BaseModel):
    """Opens a conversation; ``app_token`` is the operator's signed token of a logged-in customer."""

    channel: Literal["web", "app"] = "web"
    app_token: str | None = Field(None, max_length=8192)
    elderly: bool = False


class MessageRequest(BaseModel):
    """One message; the same ``client_message_id`` again is the same message."""

    text: StrictStr
    client_message_id: str | None = Field(None, min_length=1, max_length=64)


class FeedbackRequest(BaseModel):
    """Whether an answer helped. Such an answer has buttons of kind ``feedback``."""

    helpful: StrictBool


class RatingRequest(BaseModel):
    """What the customer thought of the service, once a handoff."""

    score: int = Field(ge=1, le=5)
    comment: str = Field("", max_length=500)


@router.post("/sessions", status_code=201)
async def open_session(body: SessionRequest, services: AppServices) -> dict[str, Any]:
    """Opens a conversation and greets."""
    fields: dict[str, Any] = {"profile": {"elderly": True} if body.elderly else {}}
    if body.app_token:
        fields = services.access.app_identity(body.app_token)
    conversation = await services.transcript.open(body.channel, **fields)
    elderly = bool(conversation.profile.get("elderly"))
    welcome = Draft(
        "bot",
        words.WELCOME_ELDERLY if elderly else words.WELCOME,
        buttons=words.buttons(words.WELCOME_BUTTONS),
    )
    await services.transcript.append(conversation.id, welcome)
    return {
        "conversation_id": conversation.id,
        "access_token": services.access.issue(conversation.id),
        "state": conversation.owner,
        "profile": {"elderly": elderly},
    }


@router.post("/conversations/{conversation_id}/messages")
async def send_message(
    conversation_id: str,
    body: MessageRequest,
    request: Request,
    response: Response,
    services: AppServices,
) -> dict[str, Any]:
    """Stores the message and returns what it was answered with."""
    conversation = await services.access.conversation(request, conversation_id)
    adapter = WebAdapter(conversation.channel)
    inbound = adapter.decode(conversation_id, body.text, body.client_message_id)
    outcome = await services.router.receive(inbound)
    response.headers["Server-Timing"] = ", ".join(
        f"{hop};dur={milliseconds:.1f}" for hop, milliseconds in outcome.timing.items()
    )
    return outcome.public()


@router.get("/conversations/{conversation_id}/messages")
async def read_messages(
    conversation_id: str,
    request: Request,
    services: AppServices,
    after: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Everything the customer may see after a sequence number, at most 500 at a time."""
    await services.access.conversation(request, conversation_id)
    messages = await services.transcript.messages(conversation_id, after, "all", PAGE)
    status = await services.status_of(conversation_id)
    return {"messages": [m.public() for m in messages], **status}


@router.post("/conversations/{conversation_id}/messages/{message_id}/feedback")
async def react(
    conversation_id: str,
    message_id: str,
    body: FeedbackRequest,
    request: Request,
    services: AppServices,
) -> dict[str, Any]:
    """Whether an answer from the knowledge base helped: once an answer, the opposite is refused.

    ``next`` holds buttons for a customer who was not helped.
    """
    await services.access.conversation(request, conversation_id)
    return await services.answers.react(conversation_id, message_id, body.helpful)


@router.get("/conversations/{conversation_id}/transcript")
async def transcript(
    conversation_id: str,
    request: Request,
    services: AppServices,
    form: Annotated[Literal["html", "txt"], Query(alias="format")] = "html",
) -> Response:
    """The customer's own conversation as a file, numbers masked; staff lines are not in it."""
    conversation = await services.access.conversation(request, conversation_id)
    messages: list[Message] = []
    while page := await services.transcript.messages(
        conversation_id, messages[-1].seq if messages else 0, "all", PAGE
    ):
        messages += page
    write, kind = {"html": (as_html, "text/html"), "txt": (as_text, "text/plain")}[form]
    name = f"changda-{conversation.created_at.astimezone(LOCAL_ZONE):%Y%m%d}.{form}"
    return Response(
        write(messages, conversation.created_at),
        media_type=f"{kind}; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        },
    )


@router.post("/conversations/{conversation_id}/rating")
async def rate(
    conversation_id: str, body: RatingRequest, request: Request, services: AppServices
) -> dict[str, Any]:
    """Rates the last conversation with a person; a second rating is refused."""
    await services.access.conversation(request, conversation_id)
    await services.handoffs.rate(conversation_id, body.score, body.comment)
    return {"score": body.score}


@router.post("/conversations/{conversation_id}/cancel-wait")
async def cancel_wait(
    conversation_id: str, request: Request, services: AppServices
) -> dict[str, Any]:
    """Leaves the queue and goes back to the bot."""
    await services.access.conversation(request, conversation_id)
    await services.handoffs.abandon(conversation_id)
    conversation = await services.transcript.conversation(conversation_id)
    return {"state": conversation.owner}
