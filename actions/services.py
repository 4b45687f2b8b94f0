"""Add-ons, running services, roaming, the service password."""

from __future__ import annotations

from datetime import timedelta

from actions.answers import plans as words
from actions.base import DialogueAction, owner
from actions.bss.client import OperatorClient
from actions.outcome import Outcome
from actions.starting import StartTask
from actions.turn import Turn
from core.clock import local_now


class StartOrderAddon(StartTask):
    action, task = "action_order_addon", "order_addon"


class QuerySubscriptions(DialogueAction):
    action, private = "action_query_subscriptions", True

    async def answer(self, turn: Turn, bss: OperatorClient) -> Outcome:
        holdings = await bss.accounts.holdings(owner(turn).customer_id)
        first = local_now().date().replace(day=1)
        return words.subscribed(holdings, f"{first:%Y-%m}", f"{first - timedelta(days=1):%Y-%m}")


class StartCancelSubscription(StartTask):
    action, task = "action_cancel_subscription", "cancel_subscription"


class StartRoaming(StartTask):
    action, task = "action_activate_roaming", "roaming"


class StartChangePassword(StartTask):
    action, task = "action_change_password", "password"
