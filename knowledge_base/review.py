"""Four eyes: a draft is handed in, a second person approves it or sends it back with a comment."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from core.errors import Conflict
from knowledge_base.models import Act, Editor, KnowledgeEntry, ReviewAct, Revision, State
from knowledge_base.store import act_of, check_version, find, set_state

_FROM: dict[Act, tuple[State, ...]] = {
    "submit": ("draft",),
    "return": ("in_review", "approved"),
    "approve": ("in_review",),
}
_TO: dict[Act, State] = {"submit": "in_review", "return": "draft", "approve": "approved"}
_REFUSED = {
    "submit": "只有草稿可以送审。",
    "return": "只有送审的内容可以退回。",
    "approve": "只有送审的内容可以通过，请先送审。",
}


class OwnWork(Conflict):
    """Authors cannot approve what they wrote."""

    code, title = "own_work", "自己写的内容要由另一位编辑来审核。"


class Review:
    """Moves entries through the review; every act is kept.

    Args:
        four_eyes: whether author and approver must differ.
    """

    def __init__(self, database: Database, four_eyes: bool = True) -> None:
        self._database = database
        self.four_eyes = four_eyes

    async def act(
        self, entry_id: str, act: Act, editor: Editor, comment: str = "",
        version: int | None = None,
    ) -> None:  # fmt: skip
        """Hands in, sends back or approves the latest revision.

        Raises:
            Conflict: not from that state, or somebody saved since ``version`` was read.
            OwnWork: the approver wrote it.
            NotFound: no such entry.
        """
        async with self._database.transaction() as session:
            entry = await find(session, entry_id)
            check_version(entry, version)
            if entry.state not in _FROM[act]:
                raise Conflict(_REFUSED[act])
            if act == "approve":
                await self._approve(session, entry, editor)
            await set_state(session, entry, _TO[act], editor)
            session.add(act_of(entry, act, editor, comment))

    async def acts(self, entry_id: str) -> list[ReviewAct]:
        """What people did to an entry, newest first."""
        query = select(ReviewAct).where(ReviewAct.entry_id == entry_id)
        async with self._database.reading() as session:
            rows = await session.scalars(query.order_by(ReviewAct.at.desc(), ReviewAct.id.desc()))
            return list(rows.all())

    async def _approve(self, session: AsyncSession, entry: KnowledgeEntry, editor: Editor) -> None:
        if self.four_eyes and entry.author == editor.id:
            raise OwnWork
        await session.execute(
            update(Revision)
            .where(Revision.entry_id == entry.id, Revision.number == entry.latest_revision)
            .values(approver=editor.id, approver_name=editor.name)
        )
