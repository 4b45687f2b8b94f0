"""Calls the dialogue (Rasa) for the gateway, with a bounded wait."""

from __future__ import annotations

import time
from typing import Any

import httpx
from pydantic import BaseModel, Field

from core.settings import Settings

# Rasa reads a leading slash as a command; a customer's slash is only a character.
_COMMAND, _PLAIN = "/", "／"


class DialogueDown(Exception):
    """The dialogue did not answer in time, or not sanely. Control flow: the gateway takes over."""


class Reply(BaseModel):
    """One thing the bot says."""

    text: str = ""
    buttons: list[dict[str, str]] | None = None
    card: dict[str, Any] | None = None
    knowledge: dict[str, Any] | None = None
    """Of an answer from the knowledge base: {"entry_id", "score", "others"}."""


class DialogueAnswer(BaseModel):
    """One turn: replies and directives as the actions emitted them, and the parse."""

    replies: list[Reply]
    directives: list[dict[str, Any]]
    understanding: dict[str, Any]
    timing: dict[str, float] = Field(default_factory=dict)
    """Milliseconds by hop: nlu, dialogue (policies, actions and operator systems), transport."""


class DialogueClient:
    """HTTP client of the Rasa server.

    A turn is never retried: it changes the conversation's state in the dialogue.
    """

    def __init__(self, settings: Settings, http: httpx.AsyncClient | None = None) -> None:
        self._token = settings.rasa_token.get_secret_value()
        self._http = http or httpx.AsyncClient(
            base_url=settings.rasa,
            timeout=settings.bot_timeout_s,
            headers={"Authorization": f"Bearer {self._token}"},
            limits=httpx.Limits(max_keepalive_connections=20),
            trust_env=False,
        )

    async def ask(
        self, conversation_id: str, text: str, customer: dict[str, Any]
    ) -> DialogueAnswer:
        """One turn of the dialogue. Raises DialogueDown."""
        safe = _PLAIN + text[1:] if text.startswith(_COMMAND) else text
        body = {"sender": conversation_id, "text": safe, "metadata": {"customer": customer}}
        started = time.perf_counter()
        try:
            response = await self._http.post("/webhooks/changda/message", json=body)
            response.raise_for_status()
            answer = DialogueAnswer.model_validate_json(response.content)
        except (httpx.HTTPError, ValueError) as error:
            raise DialogueDown(f"{type(error).__name__}: {error}") from error
        total = (time.perf_counter() - started) * 1000
        answer.timing["transport"] = max(0.0, total - sum(answer.timing.values()))
        return answer

    async def parse(self, text: str) -> dict[str, Any]:
        """The understanding of a text outside any conversation. Raises DialogueDown."""
        safe = _PLAIN + text[1:] if text.startswith(_COMMAND) else text
        try:
            response = await self._http.post(
                "/model/parse", params={"token": self._token}, json={"text": safe}
            )
            response.raise_for_status()
            parsed: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DialogueDown(f"{type(error).__name__}: {error}") from error
        return parsed

    async def forget(self, conversation_id: str) -> None:
        """Starts the dialogue afresh, so that words from before a handoff trigger nothing now."""
        events = [{"event": "restart"}, {"event": "action", "name": "action_listen"}]
        try:
            response = await self._http.post(
                f"/conversations/{conversation_id}/tracker/events",
                params={"token": self._token},
                json=events,
            )
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise DialogueDown(f"{type(error).__name__}: {error}") from error

    async def healthy(self) -> bool:
        """Whether Rasa answers and has a model."""
        try:
            response = await self._http.get("/status", params={"token": self._token}, timeout=2.0)
        except httpx.HTTPError:
            return False
        return response.is_success and bool(response.json().get("model_file"))

    async def close(self) -> None:
        await self._http.aclose()
