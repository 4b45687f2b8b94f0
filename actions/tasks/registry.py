"""Every task by name."""

from __future__ import annotations

from actions.tasks.billing import Invoice, Recharge
from actions.tasks.care import Complain, FindStore, ReportFault, ReportSpam
from actions.tasks.packages import ChangePlan
from actions.tasks.services import ResetPassword, Resume, Roaming, Suspend
from actions.tasks.subscriptions import CancelService, OrderAddon
from actions.tasks.task import Task
from actions.tasks.verify import Verify

_ALL: tuple[Task, ...] = (
    Verify(), Recharge(), Invoice(), ChangePlan(), OrderAddon(), CancelService(), Suspend(),
    Resume(), Roaming(), ResetPassword(), ReportFault(), Complain(), ReportSpam(), FindStore(),
)  # fmt: skip
TASKS: dict[str, Task] = {task.name: task for task in _ALL}
