"""Proving who one is, by a code sent to the phone. Serves the task below it, or an action (``then``)."""

from __future__ import annotations

import re

from actions import numerals, runtime
from actions.bss.errors import BssRefused
from actions.outcome import Outcome, said
from actions.replies import HUMAN, Button, Reply
from actions.tasks.state import TaskState
from actions.tasks.task import Desk, Field, Task
from actions.turn import Identity
from core.security import mask

_RESEND = re.compile(r"重发|重新(发|获取)|再发|没收到|收不到|没有收到|过期")
_OTHER_PHONE = re.compile(r"换(个|一个)?(号|手机)|号码(错|不对)|输错号")
RESEND = Button("重新获取验证码")


class Verify(Task):
    """Asks for the phone, has the operator send a code, has it checked there."""

    name, title, intent = "verify", "身份验证", "inform"
    private, confirms = False, False
    fields = (
        Field("phone", "手机号码", lambda request: numerals.phone(request.text),
              again="这个号码好像不对，请输入11位手机号码。"),
        Field("code", "短信验证码", lambda request: numerals.code(request.text), prefill=False,
              secret=True, again="验证码是6位数字。"),
    )  # fmt: skip

    async def review(self, state: TaskState, desk: Desk) -> Outcome | None:
        phone = state.filled.get("phone")
        if phone and not state.notes.get("sent"):
            if words := await runtime.code_attempts().sending(phone, desk.turn):
                return said(words, HUMAN)
            try:
                await desk.bss.identity.send_code(phone)
            except BssRefused as error:
                return said(f"{error.detail}您也可以找人工核实身份。", HUMAN)
            state.notes["sent"] = True
        return None

    async def ask(self, part: Field, state: TaskState, desk: Desk) -> Reply:
        if part.name == "phone":
            return Reply(
                "为了保护您的信息，需要先验证身份。请输入您的手机号码。",
                "请告诉我您的手机号码，我要核对一下身份。", (Button("取消"),),
            )  # fmt: skip
        masked = mask(state.filled["phone"])
        if state.notes.get("told"):
            return Reply(f"请输入发到{masked}的6位验证码。", None, (RESEND, Button("取消")))
        state.notes["told"] = True
        return Reply(
            f"为了保护您的信息，已向{masked}发送短信验证码，请输入收到的6位数字（5分钟内有效）。",
            f"验证码已发到{masked}，请把6位数字发给我。", (RESEND, Button("取消")),
        )  # fmt: skip

    async def special(self, state: TaskState, desk: Desk) -> Outcome | None:
        text = desk.turn.plain
        if _OTHER_PHONE.search(text):
            return await self._restart(state, None, desk)
        if state.asking != "code":
            return None
        phone = numerals.phone(desk.turn.text)
        if phone and phone != state.filled.get("phone"):
            return await self._restart(state, phone, desk)
        if _RESEND.search(text):
            return await self._restart(state, state.filled["phone"], desk)
        return None

    async def _restart(self, state: TaskState, phone: str | None, desk: Desk) -> Outcome:
        state.filled, state.notes, state.tries = {}, {}, 0
        if phone:
            state.filled["phone"] = phone
        ended = await self.review(state, desk)
        if ended:
            state.asking = None
            return ended
        part = self.missing(state)
        if part is None:
            raise LookupError("a verification without an open question")
        state.asking = part.name
        return Outcome((await self.ask(part, state, desk),))

    async def execute(self, state: TaskState, desk: Desk) -> Outcome:
        phone, code = state.filled["phone"], state.filled.pop("code")
        attempts = runtime.code_attempts()
        if words := await attempts.closed(phone, desk.turn):
            return said(words, HUMAN)
        try:
            customer = await desk.bss.identity.check_code(phone, code)
        except BssRefused as error:
            if error.reason == "wrong_code":
                await attempts.wrong(phone, desk.turn)
            return self._refused(error, state)
        await attempts.right(phone, desk.turn)
        identity = Identity(
            customer.id, customer.phone, customer.name, customer.tier, customer.elderly
        )
        return said(f"验证通过，{customer.name}您好。", verified=identity)

    def _refused(self, error: BssRefused, state: TaskState) -> Outcome:
        left = int(error.data.get("attemptsLeft") or 0)
        state.asking = "code"
        if error.reason == "wrong_code" and left > 0:
            return said(f"验证码不对，还可以再试{left}次。", RESEND, Button("取消"))
        if error.reason == "code_expired":
            return said("验证码已经过期，请重新获取。", RESEND, Button("取消"))
        state.asking = None
        return said(
            "验证码输错的次数太多，这次先不验证了。您可以稍后再试，或者转人工核实身份。", HUMAN
        )

    def dropped(self) -> Outcome:
        return said(
            "好的，已取消验证。不涉及您个人信息的问题可以直接问我。", Button("有哪些套餐"), HUMAN
        )
