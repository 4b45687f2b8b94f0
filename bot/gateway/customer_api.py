"""The customer's contract: sessions, messages, live connection, rating."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, StrictBool, StrictStr

from bot.gateway import words
from bot.gateway.access import Visitor
from bot.gateway.services import Services, services_of
from bot.gateway.transcript_file import as_html, as_text
from bot.identity.app_tokens import MAX_TOKEN
from core.clock import LOCAL_ZONE, new_id
from core.transcript import Draft, Message

router = APIRouter(prefix="/api/v1", tags=["customer"])
AppServices = Annotated[Services, Depends(services_of)]
PAGE = 500


class SessionRequest(BaseModel):
    """Opens a conversation; ``app_token`` is the operator's signed token of a logged-in customer."""

    channel: Literal["web", "app"] = "web"
    app_token: str | None = Field(None, max_length=8 * MAX_TOKEN)
    elderly: bool = False


class MessageRequest(BaseModel):
    """One message; the same ``client_message_id`` again is the same message."""

    text: StrictStr
    client_message_id: str | None = Field(None, min_length=1, max_length=64)


class FeedbackRequest(BaseModel):
    """Whether an answer helped. Such an answer has buttons of kind ``feedback``."""

    helpful: StrictBool


class PreferencesRequest(BaseModel):
    """How the customer wants to be served: ``elderly`` is large type, short sentences, a person sooner."""

    elderly: StrictBool


class RatingRequest(BaseModel):
    """What the customer thought of the service, once a handoff."""

    score: int = Field(ge=1, le=5)
    comment: str = Field("", max_length=500)


async def visiting(conversation_id: str, request: Request, services: AppServices) -> Visitor:
    """The customer of this request and the conversation it opens."""
    return await services.access.visitor(request, conversation_id)


Visiting = Annotated[Visitor, Depends(visiting)]


@router.post("/sessions", status_code=201)
async def open_session(body: SessionRequest, services: AppServices) -> dict[str, Any]:
    """Opens a conversation and greets; a customer of the app comes back to the one they have."""
    if body.app_token:
        channel = "app"
        login = await services.app_tokens.read(body.app_token)
        account = login.known.customer_id
        conversation = await services.identities.bind(
            channel, account, login.known, verified_until=login.expires
        )
    else:
        channel, account = body.channel, new_id("v")
        profile = {"elderly": True} if body.elderly else {}
        conversation = await services.identities.conversation_of(channel, account, profile=profile)
    elderly = bool(conversation.profile.get("elderly"))
    if conversation.last_seq == 0:
        await services.transcript.append(conversation.id, _welcome(elderly))
    return {
        "conversation_id": conversation.id,
        "access_token": services.access.issue(channel, account, conversation.id),
        "state": conversation.owner,
        "profile": {"elderly": elderly},
    }


def _welcome(elderly: bool) -> Draft:
    return Draft(
        "bot",
        words.WELCOME_ELDERLY if elderly else words.WELCOME,
        buttons=words.buttons(words.WELCOME_BUTTONS),
    )


@router.post("/conversations/{conversation_id}/messages")
async def send_message(
    visitor: Visiting, body: MessageRequest, response: Response, services: AppServices
) -> dict[str, Any]:
    """Stores the message and returns what it was answered with."""
    inbound = visitor.says(body.text, body.client_message_id)
    outcome = await services.router.receive(inbound)
    response.headers["Server-Timing"] = ", ".join(
        f"{hop};dur={milliseconds:.1f}" for hop, milliseconds in outcome.timing.items()
    )
    return outcome.public()


@router.get("/conversations/{conversation_id}/messages")
async def read_messages(
    visitor: Visiting, services: AppServices, after: Annotated[int, Query(ge=0)] = 0
) -> dict[str, Any]:
    """Everything the customer may see after a sequence number, at most 500 at a time.

    ``conversation_id`` changes when the customer goes on in their conversation on another channel; numbers
    of the one before then mean nothing any more.
    """
    found = visitor.conversation.id
    messages = await services.transcript.messages(found, after, "all", PAGE)
    status = await services.status_of(found)
    return {"conversation_id": found, "messages": [m.public() for m in messages], **status}


@router.post("/conversations/{conversation_id}/messages/{message_id}/feedback")
async def react(
    visitor: Visiting, message_id: str, body: FeedbackRequest, services: AppServices
) -> dict[str, Any]:
    """Whether an answer from the knowledge base helped: once an answer, the opposite is refused.

    ``next`` holds buttons for a customer who was not helped.
    """
    return await services.answers.react(visitor.conversation.id, message_id, body.helpful)


@router.get("/conversations/{conversation_id}/transcript")
async def transcript(
    visitor: Visiting,
    services: AppServices,
    form: Annotated[Literal["html", "txt"], Query(alias="format")] = "html",
) -> Response:
    """The customer's own conversation as a file, numbers masked; staff lines are not in it."""
    conversation = visitor.conversation
    messages: list[Message] = []
    while page := await services.transcript.messages(
        conversation.id, messages[-1].seq if messages else 0, "all", PAGE
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
async def rate(visitor: Visiting, body: RatingRequest, services: AppServices) -> dict[str, Any]:
    """Rates the last conversation with a person; a second rating is refused."""
    await services.handoffs.rate(visitor.conversation.id, body.score, body.comment)
    return {"score": body.score}


@router.post("/conversations/{conversation_id}/cancel-wait")
async def cancel_wait(visitor: Visiting, services: AppServices) -> dict[str, Any]:
    """Leaves the queue and goes back to the bot."""
    await services.handoffs.abandon(visitor.conversation.id)
    conversation = await services.transcript.conversation(visitor.conversation.id)
    return {"state": conversation.owner}


@router.put("/conversations/{conversation_id}/preferences")
async def prefer(
    visitor: Visiting, body: PreferencesRequest, services: AppServices
) -> dict[str, Any]:
    """The customer switched the page to large type, or back: the bot's words follow."""
    await services.care.switch(visitor.conversation.id, body.elderly)
    return {"profile": {"elderly": body.elderly}}
