"""Callbacks as an attacker, a broken proxy or a hasty platform might send them, drawn by chance from a seed."""

from __future__ import annotations

import random
import string
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.channels.standin.sealing import MessageCrypt, signature, to_xml

FORGED = "伪造"
"""Stands in every text that must never reach the dialogue."""
_BOMB = (
    '<!DOCTYPE x [<!ENTITY a "伪造伪造">'
    + "".join(f'<!ENTITY {b} "&{a};&{a};&{a};&{a};">' for a, b in zip("abcdefg", "bcdefgh", strict=True))
    + "]><xml><Content>&h;</Content></xml>"
)  # fmt: skip
_IN_FLIGHT = 40
"""Callbacks drawn that may not be answered yet, with room to spare."""
_EXTERNAL = (
    '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><Content>&e;</Content></xml>'
)
_ODD = (
    "\x00",
    "\ud7ff",
    "\u202e",
    "😀",
    "]]>",
    "<",
    "&",
    "'\"",
    "\\",
    "%00",
    "；DROP",
    " " * 40,
    "²",
    "１",
)


@dataclass
class Callback:
    """One request. ``text``: what may be processed, once; None: nothing may."""

    query: dict[str, str]
    body: bytes
    text: str | None = None
    path: str = "/wechat/callback"
    method: str = "POST"


@dataclass
class Mutator:
    """Draws callbacks. ``crypt`` None is plain mode.

    Args:
        token: of the callback.
        account: AppId or CorpId.
    """

    seed: int
    token: str
    account: str
    crypt: MessageCrypt | None
    other: MessageCrypt
    wecom: bool = False
    good: list[Callback] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.count = self._drawn = 0
        self._drawn_at: list[int] = []
        self._kinds: list[tuple[int, Callable[[], Callback]]] = [
            (2, self.valid), (6, self.again), (3, self.retried), (8, self.replayed_with_another_body),
            (10, self.wrong_signature), (6, self.without_a_parameter), (6, self.not_now),
            (10, self.hostile_xml), (10, self.damaged), (8, self.rubbish), (2, self.huge),
            (9, self.signed_nonsense), (8, self.sealed_wrongly), (4, self.url_check),
        ]  # fmt: skip

    def draw(self) -> Callback:
        self._drawn += 1
        weights = [weight for weight, _ in self._kinds]
        (_, make), *_ = self.chance.choices(self._kinds, weights)
        made = make()
        if self.wecom:
            made.path = "/wecom/callback"
        return made

    # What the platform itself sends.

    def valid(self) -> Callback:
        self.count += 1
        text = f"问{self.seed}-{self.count}"
        made = self._signed(to_xml(self._fields(text)), text)
        self.good.append(made)
        self._drawn_at.append(self._drawn)
        return made

    def again(self) -> Callback:
        """The same request once more, as a whole."""
        before = self._before()
        if before is None:
            return self.valid()
        return Callback(before.query, before.body, before.text)

    def retried(self) -> Callback:
        """The same message under a new signature."""
        before = self._before()
        if before is None:
            return self.valid()
        number = int(str(before.text).rpartition("-")[2])
        return self._signed(to_xml(self._fields(str(before.text), number)), before.text)

    def _before(self) -> Callback | None:
        """One that was taken long ago: in plain mode whoever comes first with a signature may use it."""
        taken = bisect_left(self._drawn_at, self._drawn - _IN_FLIGHT)
        return self.chance.choice(self.good[max(0, taken - 50) : taken]) if taken else None

    # What nobody should take.

    def replayed_with_another_body(self) -> Callback:
        before = self._before()
        if before is None:
            return self.valid()
        words = f"{FORGED}{self._nonce()}"
        body = to_xml(self._fields(words, self.chance.randrange(10**6, 10**9)))
        if self.crypt is not None:
            body = to_xml({"Encrypt": self.crypt.encrypt(body)})
        return Callback(dict(before.query), body.encode())

    def wrong_signature(self) -> Callback:
        made = self._signed(to_xml(self._fields(FORGED)))
        name = self.chance.choice([n for n in made.query if "signature" in n])
        old = made.query[name]
        made.query[name] = self.chance.choice(
            ["", old[:-1], old.upper() + "x", old[::-1], "0" * 40, "签名", old + old, "\x00"]
        )
        if made.query[name] == old:
            made.query[name] = "f" * 40
        return made

    def without_a_parameter(self) -> Callback:
        made = self._signed(to_xml(self._fields(FORGED)))
        needed = ["msg_signature", "timestamp", "nonce"] if self.crypt else list(made.query)
        made.query.pop(self.chance.choice([n for n in needed if n in made.query]))
        return made

    def not_now(self) -> Callback:
        moment = self.chance.choice(
            [int(time.time()) - 301 - self.chance.randrange(10**6), int(time.time()) + 400, 0, -1,
             10**11, 10**20, "１７", "1e9", "", "NaN", "0x1", " 1"]
        )  # fmt: skip
        return self._signed(to_xml(self._fields(FORGED)), moment=str(moment))

    def hostile_xml(self) -> Callback:
        deep, many = "<a>" * 2000 + "</a>" * 2000, "<a/>" * 5000
        body = self.chance.choice(
            [_BOMB, _EXTERNAL, f"<xml>{deep}</xml>", f"<xml>{many}</xml>", "<?php system(1) ?><xml/>",
             "<xml><Content>&forged;</Content></xml>", "<xml " + "a='1' " * 500 + "/>",
             "<xml xmlns:x='http://a'><x:MsgType>text</x:MsgType></xml>", "<xml/>", "<xml></xml>x",
             "<!DOCTYPE xml PUBLIC '-//A' 'http://127.0.0.1/x.dtd'><xml/>"]
        )  # fmt: skip
        inside = self.crypt is not None and self.chance.random() < 0.5
        return self._signed(body) if inside or self.crypt is None else self._outside(body)

    def damaged(self) -> Callback:
        """A real one with bytes lost, added or changed; the signature covers what it covers."""
        # Words of its own, so that hearing them twice means that it was taken twice.
        words = f"{FORGED}{self._nonce()}"
        made = self._signed(to_xml(self._fields(words, self.chance.randrange(10**7, 10**9))))
        body = bytearray(made.body)
        for _ in range(self.chance.randrange(1, 6)):
            place = self.chance.randrange(len(body))
            change = self.chance.randrange(3)
            if change == 0:
                del body[place : place + self.chance.randrange(1, 30)]
            elif change == 1:
                body[place:place] = self.chance.randbytes(self.chance.randrange(1, 9))
            else:
                body[place] ^= 1 << self.chance.randrange(8)
            body = body or bytearray(b"<")
        # Without encryption nothing protects the words: what is left may be taken as a message.
        return Callback(made.query, bytes(body), None)

    def rubbish(self) -> Callback:
        made = self._signed("")
        size = self.chance.randrange(400)
        made.body = self.chance.choice(
            [self.chance.randbytes(size), b"", b"{}", b"null", b"success", "伪造".encode("utf-16"),
             "".join(self.chance.choices(string.printable, k=size)).encode()]
        )  # fmt: skip
        return made

    def huge(self) -> Callback:
        size = self.chance.choice([64 * 1024, 64 * 1024 + 1, 300_000, 1_000_000])
        made = self._signed("")
        made.body = b"<xml><Content>" + b"A" * size + b"</Content></xml>"
        return made

    def signed_nonsense(self) -> Callback:
        """The platform's own signature on fields nobody expects."""
        fields = self._fields(FORGED)
        for _ in range(self.chance.randrange(1, 4)):
            name = self.chance.choice(
                [*fields, "Event", "Location_X", "PicUrl", "Recognition", "Token"]
            )
            fields[name] = self.chance.choice(
                ["", "x" * 5000, "-1", "NaN", "1" * 60, "event", "javascript:alert(1)", *_ODD[:5], "²"]
            ).replace("]]>", "")  # fmt: skip
        fields.pop(self.chance.choice(["MsgId", "FromUserName", "MsgType"]), None)
        fields["Content"] = FORGED
        if self.chance.random() < 0.5:
            fields["MsgType"] = "event"
            fields["Event"] = self.chance.choice(
                ["CLICK2", "", "subscribe_msg_change_event", "LOCATION"]
            )
        else:
            fields["MsgId"] = "x"
        return self._signed(to_xml(fields))

    def sealed_wrongly(self) -> Callback:
        inner = to_xml(self._fields(FORGED))
        if self.crypt is None:
            return self._outside(inner, {"signature": "0" * 40})
        sealed = self.other.encrypt(inner)
        if self.chance.random() < 0.5:
            flipped = list(self.crypt.encrypt(inner))
            flipped[-self.chance.randrange(3, 40)] = self.chance.choice("Aa0+/")
            sealed = self.chance.choice(
                ["".join(flipped), "", "====", "A" * 64, sealed[:-7], "密" * 9]
            )
            if sealed == "".join(flipped):
                # The signature is what protects the words inside.
                return self._outside(to_xml({"Encrypt": sealed}))
        return self._around(sealed)

    def url_check(self) -> Callback:
        made = self._signed("")
        query = made.query | {"echostr": self.chance.choice(["1", "x" * 9000, *_ODD])}
        query.pop(self.chance.choice(list(query)))
        return Callback(query, b"", None, method="GET")

    # How they are made.

    def _fields(self, text: str, number: int | None = None) -> dict[str, object]:
        number = number or self.count
        if self.wecom:
            return {
                "ToUserName": self.account,
                "MsgType": "event",
                "Event": "other",
                "Content": text,
            }
        return {
            "ToUserName": "gh_1", "FromUserName": f"oFuzz{self.seed % 97}-{number % 20}",
            "CreateTime": int(time.time()), "MsgType": "text", "MsgId": self.seed * 10**7 + number,
            "Content": text,
        }  # fmt: skip

    def _signed(self, xml: str, text: str | None = None, moment: str | None = None) -> Callback:
        if self.crypt is not None:
            made = self._around(self.crypt.encrypt(xml), moment)
            made.text = text
            return made
        timestamp, nonce = self._now(moment), self._nonce()
        query = {"signature": signature((self.token, timestamp, nonce))}
        return Callback(query | {"timestamp": timestamp, "nonce": nonce}, _bytes(xml), text)

    def _around(self, sealed: str, moment: str | None = None) -> Callback:
        timestamp, nonce = self._now(moment), self._nonce()
        query = {"timestamp": timestamp, "nonce": nonce, "encrypt_type": "aes"}
        query["signature"] = signature((self.token, timestamp, nonce))
        query["msg_signature"] = signature((self.token, timestamp, nonce, sealed))
        return Callback(query, _bytes(to_xml({"ToUserName": "gh_1", "Encrypt": sealed})))

    def _outside(self, xml: str, query: dict[str, str] | None = None) -> Callback:
        """Something else in place of the signed envelope."""
        made = self._signed(to_xml(self._fields(FORGED)))
        return Callback(made.query | (query or {}), _bytes(xml))

    def _now(self, moment: str | None) -> str:
        return str(int(time.time())) if moment is None else moment

    def _nonce(self) -> str:
        return "".join(self.chance.choices(string.ascii_letters, k=12))


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")
