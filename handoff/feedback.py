"""The customer's verdict on a person's service."""

from __future__ import annotations

from sqlalchemy import select

from core.clock import now
from core.database import Database
from core.errors import Conflict, InvalidInput, TextTooLong
from core.transcript import Draft, Transcript
from handoff import words
from handoff.models import Handoff, Rating
from handoff.states import State
from handoff.steps import Steps

_MAX_COMMENT = 500
_RATEABLE = (State.WRAP_UP, State.CLOSED, State.RETURNED)


class Feedback:
    """Takes ratings, one per handoff."""

    def __init__(self, database: Database, transcript: Transcript, steps: Steps) -> None:
        self._database = database
        self._steps = steps
        self._transcript = transcript

    async def rate(
        self, conversation_id: str, score: int, comment: str = "", handoff_id: str | None = None
    ) -> Rating:
        """Stores the rating of the conversation's last served handoff (or the one named).

        Raises:
            InvalidInput: a score outside 1-5.
            Conflict: nothing to rate, or rated already.
        """
        if isinstance(score, bool) or not isinstance(score, int) or not 1 <= score <= 5:
            raise InvalidInput("评分请选择1到5分。")
        if len(comment) > _MAX_COMMENT:
            raise TextTooLong(f"评价内容不能超过{_MAX_COMMENT}字。", limit=_MAX_COMMENT)
        query = select(Handoff).where(
            Handoff.conversation_id == conversation_id,
            Handoff.state.in_(_RATEABLE),
            Handoff.accepted_at.is_not(None),
        )
        if handoff_id:
            query = query.where(Handoff.id == handoff_id)
        query = query.order_by(Handoff.ended_at.desc()).limit(1).with_for_update()
        async with self._database.transaction() as session:
            handoff = (await session.execute(query)).scalar_one_or_none()
            if handoff is None:
                raise Conflict("现在没有可以评价的人工服务。")
            if await session.get(Rating, handoff.id) is not None:
                raise Conflict("您已经评价过这次服务了，感谢您的反馈。")
            rating = Rating(
                handoff_id=handoff.id,
                agent_id=handoff.agent_id,
                score=score,
                comment=comment.strip(),
                created_at=now(),
            )
            session.add(rating)
            if self._steps.outbound is not None:
                await self._steps.outbound.rated(session, handoff, rating)
        await self._transcript.append(conversation_id, Draft("system", words.rated(score)))
        return rating
