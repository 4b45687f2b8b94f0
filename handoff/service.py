"""The room's front door: everything the gateway, the desk and the launcher call."""

from __future__ import annotations

from redis.asyncio import Redis

from core.database import Database
from core.errors import InvalidInput
from core.events import READ, TYPING, LiveBus
from core.redis_keys import agent_channel, backstage_channel, conversation_channel
from core.settings import Settings
from core.staff import Staff
from core.transcript import Draft, Transcript
from handoff import words
from handoff.agents import Presence
from handoff.assistance import Assistance, Assistant
from handoff.callback import CallBack, QueuePolicy
from handoff.canned import CannedReplies
from handoff.casework import Casework
from handoff.checks import check_active, check_owner
from handoff.claims import Claims
from handoff.contact import Contact
from handoff.context import CustomerFacts
from handoff.customer_view import CustomerView
from handoff.escalation import Escalation
from handoff.estimate import WaitEstimator
from handoff.feedback import Feedback
from handoff.floor import AskDesk, FloorFeed, FloorView
from handoff.guests import Conference, check_speaker
from handoff.hours import ServiceHours
from handoff.intake import Intake
from handoff.models import Grade, Ticket, TicketKind
from handoff.offers import Offers
from handoff.package import PackageBuilder
from handoff.queue import WaitingLine
from handoff.repair import LineRepair
from handoff.routing import GROUP_WORDS
from handoff.serving import Serving
from handoff.sla import ServicePromise
from handoff.states import IN_LINE, State
from handoff.steps import OnReturned, Outbound, Steps
from handoff.supervising import Supervising
from handoff.tickets import TicketBook
from handoff.transfers import Transfers
from handoff.views import DeskViews
from handoff.watch import Watch

_PREVIEW = 500


class HandoffService:
    """Builds the room's parts around one database, bus and Redis, and offers their methods by name.

    Args:
        customer_facts: asks the operator's systems about a customer.
        on_returned: called with the conversation id whenever the bot owns it again; must not wait for the
            message being worked on in that conversation, since a cancelled wait is part of one.
        assistant: the silent bot that helps agents; None = they work without.
    """

    def __init__(
        self,
        database: Database,
        bus: LiveBus,
        transcript: Transcript,
        redis: Redis,
        customer_facts: CustomerFacts,
        settings: Settings,
        on_returned: OnReturned,
        assistant: Assistant | None = None,
    ) -> None:
        self.bus = bus
        self._database = database
        self._transcript = transcript
        self.agent_lost_s = settings.agent_lost_s
        hours = ServiceHours.load(settings.service_hours, settings.service_calendar)
        self.line = WaitingLine(redis, database, settings.overflow_s)
        self.repair = LineRepair(self.line, database, settings.agent_capacity)
        self.presence = Presence(redis, database, bus, self.line, settings)
        self.tickets = TicketBook(database, hours)
        estimator = WaitEstimator(database, self.presence)
        builder = PackageBuilder(database, customer_facts)
        steps = Steps(database, bus, transcript, self.line, on_returned)
        policy = QueuePolicy.of(settings)
        callback = CallBack(hours)
        self.promise = ServicePromise.of(settings, hours)
        intake = Intake(
            database, bus, steps, builder, estimator, hours, callback, policy, self.promise,
            settings.desk,
        )  # fmt: skip
        serving = Serving(steps)
        self._offers = Offers(database, bus, steps, self.line, self.presence, settings)
        claims = Claims(database, steps, self.line, self.presence, intake)
        transfers = Transfers(database, steps, self.presence, estimator, intake)
        assistance = Assistance(transcript, bus, assistant, intake.felt)
        self.listen = assistance.listen
        self._assistance = assistance
        self._steps = steps
        self.views = DeskViews(
            database, transcript, builder, self.presence, assistance, self.promise
        )
        self.casework = Casework(database, self.tickets, self.views, self.presence, transcript, bus)
        contact = Contact(database, self.tickets, bus)
        self.reveal_for_ticket = contact.reveal
        self.contact_left = contact.left
        self._floor_view = FloorView(database, self.views, self.presence)
        self.floor = FloorFeed(self._floor_view, bus)
        self.conference = Conference(steps, self.presence, bus)
        self.canned = CannedReplies(database)
        escalation = Escalation(
            database, bus, steps, self.line, self.promise, settings.priority_point_s
        )
        self._watch = Watch(
            database, steps, self.line, self.repair, self.presence, estimator, intake, self._offers,
            escalation, settings.agent_lost_s,
        )  # fmt: skip

        self.shown_to_customer = CustomerView(database, intake, self.presence, estimator).shown
        self.open = intake.open
        self.current = intake.current
        self.get = intake.get
        self.abandon = intake.abandon
        self.call_back = intake.call_back
        self.refuse = self._offers.refuse
        self.look_for_agents = self._offers.look
        self.ask_facts = intake.ask_facts
        self._settle_intake = intake.settle
        self.accept = claims.accept
        self.accept_next = claims.accept_next
        self.relieve = claims.relieve
        self.package = self.views.package
        self.message = serving.message
        self.note = serving.note
        self.read = serving.read
        self.give_back = serving.give_back
        self.finish = serving.finish
        self.close = serving.close
        self.supervising = Supervising(database, steps, self.accept, bus)
        self.transfer = transfers.transfer
        self.transfer_warning = transfers.warning
        self.rate = Feedback(database, transcript, steps).rate
        self.watch_agents = self._watch.run
        self.release_lost = self._watch.release_lost
        self.tell_places = self._watch.tell_places
        self.sweep_offers = self._offers.sweep
        self.escalate = escalation.sweep

    def connect(self, outbound: Outbound, ask_desk: AskDesk) -> None:
        """Names who tells the outside what happens here, and who knows how the outside fares."""
        self._steps.outbound = outbound
        self._floor_view.ask_desk = ask_desk

    async def say_waiting(self, handoff_id: str, text: str) -> bool:
        """A line for a customer who still waits, with the ways out of waiting; False when nobody waits."""
        async with self._steps.step(handoff_id) as step:
            if step.handoff.state not in IN_LINE:
                return False
            buttons = [words.CALL_BACK_BUTTON, words.CANCEL_BUTTON]
            await step.say(Draft("system", text, buttons))
        return True

    async def settle(self) -> None:
        """Waits for what runs in the background (at shutdown and in tests)."""
        await self._offers.settle()
        await self._settle_intake()
        await self._assistance.settle()

    async def agent_typing(self, handoff_id: str, staff: Staff) -> None:
        """Shows the customer, and the others in the conversation, that somebody of ours types."""
        handoff = await self.get(handoff_id)
        async with self._database.reading() as session:
            await check_speaker(session, handoff, staff)
        check_active(handoff)
        channel = conversation_channel(handoff.conversation_id)
        await self.bus.publish(
            channel, TYPING, sender="agent", agent_id=staff.id, agent_name=staff.display_name
        )

    async def read_to(self, handoff_id: str, staff: Staff, seq: int) -> None:
        """The serving agent has seen everything up to ``seq``; their other desks hear of it."""
        await self.read(handoff_id, staff, seq)
        await self.bus.publish(agent_channel(staff.id), READ, handoff_id=handoff_id, seq=seq)

    async def ticket_from(
        self, handoff_id: str, staff: Staff, kind: TicketKind, grade: Grade, title: str, text: str,
        skill_group: str | None = None,
    ) -> Ticket:  # fmt: skip
        """A ticket from the chat: the agent owns it, unless it goes to a group named."""
        if skill_group is not None and skill_group not in GROUP_WORDS:
            raise InvalidInput("没有这个技能组，请重新选择。")
        handoff = await self.get(handoff_id)
        check_owner(handoff, staff)
        ticket = await self.tickets.create(
            kind=kind,
            grade=grade,
            title=title,
            text=text,
            skill_group=skill_group or handoff.skill_group,
            owner=None if skill_group else staff.id,
            conversation=await self._transcript.conversation(handoff.conversation_id),
            handoff_id=handoff_id,
        )
        await self.casework.tell(ticket, staff)
        return ticket

    async def customer_typing(self, conversation_id: str, text: str) -> None:
        """Shows what the customer is typing to the agents in the conversation, and to nobody else."""
        handoff = await self.current(conversation_id)
        if handoff is None or handoff.state != State.ACTIVE or handoff.agent_id is None:
            return
        await self.bus.publish(
            backstage_channel(conversation_id),
            TYPING,
            sender="customer",
            conversation_id=conversation_id,
            handoff_id=handoff.id,
            text=text[:_PREVIEW],
        )
