"""What an editor writes: the content of one revision, checked and tidied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core.clock import LOCAL_ZONE
from core.errors import InvalidInput
from knowledge_base.rendering import malformed_placeholders
from knowledge_base.snapshot import BaseEntry
from knowledge_base.text import normalize

MAX_QUESTION, MAX_ANSWER, MAX_FORMS = 300, 4000, 200
ID_PATTERN = re.compile(r"[^\s/\\?#%&'\"<>\x00-\x1f]{1,80}")
_TAG = re.compile(
    r"<\s*[/!]?\s*[A-Za-z][^<>]*>|<!--|javascript\s*:|&#x?[0-9a-fA-F]+;", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

Text = Annotated[str, Field(max_length=MAX_ANSWER)]


class EntryContent(BaseModel):
    """One revision's content. Errors are Chinese, for editors.

    ``valid_from`` and ``valid_to`` are ISO days (local, the last one included) or ISO moments.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    question: str
    answer: str
    category: str = ""
    similar: list[str] = []
    negative: list[str] = []
    rich: str | None = None
    follow_ups: list[str] = []
    tags: list[str] = []
    valid_from: str | None = None
    valid_to: str | None = None
    enabled: bool = True

    @field_validator("similar", "negative", "follow_ups", "tags", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        # YAML and spreadsheets read a tag such as 400 as a number.
        items = value if isinstance(value, list) else []
        return [str(v) if type(v) in (int, float) else v for v in items] if items else value

    @field_validator("question")
    @classmethod
    def _question(cls, value: str) -> str:
        if not normalize(value):
            raise ValueError("标准问题不能为空")
        return _checked(value, "标准问题", MAX_QUESTION)

    @field_validator("answer")
    @classmethod
    def _answer(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("答案不能为空")
        return _figures(_checked(value, "答案", MAX_ANSWER), "答案")

    @field_validator("rich")
    @classmethod
    def _rich(cls, value: str | None) -> str | None:
        return _figures(_checked(value, "富文本答案", MAX_ANSWER), "富文本答案") if value else None

    @field_validator("category")
    @classmethod
    def _category(cls, value: str) -> str:
        return _checked(value, "分类", 60)

    @field_validator("similar", "negative")
    @classmethod
    def _questions(cls, values: list[str]) -> list[str]:
        return _tidy(values, "相似问题或反例", MAX_QUESTION, MAX_FORMS)

    @field_validator("follow_ups", "tags")
    @classmethod
    def _short(cls, values: list[str]) -> list[str]:
        return _tidy(values, "标签或后续按钮", 40, 30)

    @field_validator("valid_from", "valid_to")
    @classmethod
    def _moment(cls, value: str | None) -> str | None:
        return _iso(value) if value else None

    @model_validator(mode="after")
    def _consistent(self) -> EntryContent:
        own = {normalize(self.question)}
        # A similar question that only repeats the standard one adds a vector and no meaning.
        self.similar[:] = [s for s in self.similar if normalize(s) not in own]
        own |= {normalize(s) for s in self.similar}
        clash = [n for n in self.negative if normalize(n) in own]
        if clash:
            raise ValueError(f"反例「{clash[0]}」与本条目自己的问法相同")
        begin, end = moment(self.valid_from), moment(self.valid_to, end=True)
        if begin is not None and end is not None and end <= begin:
            raise ValueError("失效日期早于生效日期")
        return self

    @classmethod
    def stored(cls, data: dict[str, Any]) -> EntryContent:
        """Content that was checked before it was stored; checking ten thousand takes seconds."""
        return cls.model_construct(**data)

    def to_base_entry(self, entry_id: str, revision: int) -> BaseEntry:
        """The entry as it is served."""
        return BaseEntry(
            entry_id=entry_id, question=self.question, answer=self.answer,
            similar=tuple(self.similar), negative=tuple(self.negative), rich=self.rich,
            follow_ups=tuple(self.follow_ups), category=self.category, tags=tuple(self.tags),
            valid_from=moment(self.valid_from), valid_to=moment(self.valid_to, end=True),
            revision=revision,
        )  # fmt: skip


def moment(value: str | None, end: bool = False) -> float | None:
    """Unix seconds of an ISO day or moment; a day's ``end`` is the next midnight, local time."""
    if not value:
        return None
    if _DAY.fullmatch(value):
        day = date.fromisoformat(value) + timedelta(days=1 if end else 0)
        return datetime.combine(day, time(), LOCAL_ZONE).timestamp()
    parsed = datetime.fromisoformat(value)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=LOCAL_ZONE)).timestamp()


def _iso(value: str) -> str:
    text = value.strip().replace("/", "-").replace("年", "-").replace("月", "-").rstrip("日")
    try:
        if len(text) <= 10:
            year, month, day = (int(part) for part in text.split("-"))
            return date(year, month, day).isoformat()
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"日期「{value}」无法识别，请写成 2026-01-31") from error
    if (parsed.hour, parsed.minute, parsed.second) == (0, 0, 0) and parsed.tzinfo is None:
        return parsed.date().isoformat()
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=LOCAL_ZONE)).isoformat()


def _checked(value: str, name: str, limit: int) -> str:
    if len(value) > limit:
        raise ValueError(f"{name}太长：{len(value)} 字，最多 {limit} 字")
    if _CONTROL.search(value):
        raise ValueError(f"{name}里有不可见的控制字符")
    tag = _TAG.search(value)
    if tag:
        raise ValueError(f"{name}里不能有 HTML 或脚本：{tag.group(0)[:40]}")
    return value.replace("\r\n", "\n").replace("\r", "\n")


def checked_text(value: str, name: str) -> str:
    """Plain text of colleagues: markup and control characters are refused.

    Raises:
        InvalidInput: says in Chinese what is wrong.
    """
    try:
        return _checked(value, name, MAX_ANSWER)
    except ValueError as error:
        raise InvalidInput(str(error)) from error


def _figures(value: str, name: str) -> str:
    broken = malformed_placeholders(value)
    if broken:
        raise ValueError(f"{name}里的占位符写得不对：{broken[0][:40]}")
    return value


def _tidy(values: Iterable[str], name: str, limit: int, most: int) -> list[str]:
    seen: set[str] = set()
    kept: list[str] = []
    for value in (v.strip() for v in values):
        folded = normalize(value) or value
        if value and folded not in seen:
            seen.add(folded)
            kept.append(_checked(value, name, limit))
    if len(kept) > most:
        raise ValueError(f"{name}太多：{len(kept)} 条，最多 {most} 条")
    return kept


def error_lines(errors: Iterable[Any]) -> list[str]:
    """Pydantic's error list as Chinese lines, field first."""
    return [f"{_FIELDS.get(_field(e), _field(e))}：{_message(e)}".lstrip("：") for e in errors]


def _field(error: Any) -> str:
    location = [str(part) for part in error["loc"] if isinstance(part, str)]
    return location[-1] if location else ""


def _message(error: Any) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _KINDS.get(error["type"], "内容不合要求")


_FIELDS = {
    "id": "编号", "question": "标准问题", "answer": "答案", "category": "分类",
    "similar": "相似问题", "negative": "反例", "rich": "富文本答案", "follow_ups": "后续按钮",
    "tags": "标签", "valid_from": "生效日期", "valid_to": "失效日期", "enabled": "启用",
}  # fmt: skip
_KINDS = {
    "missing": "缺少内容", "string_type": "应为文字", "list_type": "应为列表",
    "bool_parsing": "应为是或否", "bool_type": "应为是或否", "extra_forbidden": "没有这个字段",
    "none_required": "不能为空",
}  # fmt: skip
