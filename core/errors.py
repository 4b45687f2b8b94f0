"""Every error a user can meet, as one tree.

ChangdaError
├── InvalidInput            422  what was sent cannot be used
│   ├── MalformedBody       400  not JSON, or not the shape asked for
│   ├── EmptyText           422  nothing was said
│   └── TextTooLong         422  over 2,000 characters
├── NotAuthenticated        401  no token, a wrong one, an expired one
│   ├── TokenExpired        401
│   ├── SignedOut           401  this login was ended
│   ├── AccountDisabled     401  this person does not work here any more
│   └── WrongCredentials    401  login refused
├── NotAllowed              403  known, but not for you
├── NotFound                404
├── Conflict                409  the state forbids it
│   ├── IllegalMove         409  the handoff's state machine says no
│   ├── AlreadyClaimed      409  another agent was faster
│   └── AtCapacity          409  the agent has as many conversations as they may
├── TooManyRequests         429
└── Unavailable             503  a part we need does not answer

``code`` is stable and for programs; ``detail`` is Chinese and for people. The app turns any of them into
RFC 9457 problem+json in one place.
"""

from __future__ import annotations

from typing import Any, ClassVar


class ChangdaError(Exception):
    """Base of all errors with a code, an HTTP status and words for people.

    Args:
        detail: Chinese sentence for the person; the class's own by default.
        data: structured fields added to the problem document.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "系统出了点问题，请稍后再试。"

    def __init__(self, detail: str | None = None, **data: Any) -> None:
        self.detail = detail or self.title
        self.data = data
        super().__init__(self.detail)

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 document."""
        head = {"type": f"urn:changda:problem:{self.code}", "title": self.title}
        return {
            **head, "status": self.status, "code": self.code, "detail": self.detail, **self.data,
        }  # fmt: skip


class InvalidInput(ChangdaError):
    status, code, title = 422, "invalid_input", "提交的内容有误，请检查后再试。"


class MalformedBody(InvalidInput):
    status, code, title = 400, "malformed_body", "请求格式不正确。"


class EmptyText(InvalidInput):
    code, title = "empty_text", "您还没有输入内容哦，请说说您想办什么。"


class TextTooLong(InvalidInput):
    code, title = "text_too_long", "内容太长了，请控制在2000字以内，可以分几条发送。"


class NotAuthenticated(ChangdaError):
    status, code, title = 401, "not_authenticated", "请先登录。"


class TokenExpired(NotAuthenticated):
    code, title = "token_expired", "登录已过期，请重新进入。"


class SignedOut(NotAuthenticated):
    code, title = "signed_out", "您已退出登录，请重新登录。"


class AccountDisabled(NotAuthenticated):
    code, title = "account_disabled", "账号已停用，请联系主管。"


class WrongCredentials(NotAuthenticated):
    code, title = "wrong_credentials", "用户名或密码不正确。"


class NotAllowed(ChangdaError):
    status, code, title = 403, "not_allowed", "您没有权限进行此操作。"


class NotFound(ChangdaError):
    status, code, title = 404, "not_found", "没有找到您要的内容。"


class Conflict(ChangdaError):
    status, code, title = 409, "conflict", "当前状态不允许这样操作。"


class IllegalMove(Conflict):
    code, title = "illegal_move", "会话当前的状态不允许这样操作。"


class AlreadyClaimed(Conflict):
    code, title = "already_claimed", "这个会话已经被其他同事接走了。"


class AtCapacity(Conflict):
    code, title = "at_capacity", "您手上的会话已达上限，请先结束一个再接入。"


class TooManyRequests(ChangdaError):
    status, code, title = 429, "too_many_requests", "操作太频繁了，请稍后再试。"


class Unavailable(ChangdaError):
    status, code, title = 503, "unavailable", "系统暂时繁忙，请稍后再试。"
