"""What a customer's page may know of the handoff: who serves, or the place in the line."""

from __future__ import annotations

from typing import Any

from core.database import Database
from handoff.agents import Presence
from handoff.estimate import WaitEstimator
from handoff.intake import Intake
from handoff.queue import position_in
from handoff.states import IN_LINE, State


class CustomerView:
    """Reads the live handoff of a conversation for its customer."""

    def __init__(
        self, database: Database, intake: Intake, presence: Presence, estimator: WaitEstimator
    ) -> None:
        self._database = database
        self._intake = intake
        self._presence = presence
        self._estimator = estimator

    async def shown(self, conversation_id: str) -> dict[str, Any]:
        """``agent_name`` while a person serves, ``queue`` {position, wait_s} while waiting, or nothing."""
        handoff = await self._intake.current(conversation_id)
        if handoff is None:
            return {}
        if handoff.state == State.ACTIVE:
            return {"agent_name": (await self._presence.names()).get(handoff.agent_id or "")}
        if handoff.state not in IN_LINE or handoff.desk != "own":
            return {}  # Another desk's line is not ours to count.
        async with self._database.reading() as session:
            position = await position_in(session, handoff)
        outlook = await self._estimator.outlook(handoff.skill_group)
        return {"queue": {"position": position, "wait_s": outlook.wait_s(position)}}
