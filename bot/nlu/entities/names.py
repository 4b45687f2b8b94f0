"""Names that are matched as they are: countries, services, plans; the catalogue's always included."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from bot.nlu.catalogue import Offer
from bot.nlu.entities.numbers import to_number
from bot.nlu.ngrams import syllables
from bot.nlu.paths import LEXICON_DIR

FILES = {
    "country": LEXICON_DIR / "countries.txt",
    "service_name": LEXICON_DIR / "services.txt",
    "package_name": LEXICON_DIR / "packages.txt",
}
_PRICE_TAIL = re.compile(r"(?:plus)?(?:\d{1,3}|一百.{0,2}|.十.?)?(?:元|块钱?|型|档)?(?:套餐|卡)?")
_PRICE = re.compile(r"\d+(?:\.\d+)?")
_CHINESE_PRICE = re.compile(r"[一二两三四五六七八九十百零]{2,}")


@lru_cache(maxsize=1)
def known_names() -> dict[str, frozenset[str]]:
    """Label → names of the lexicon files."""
    return {label: frozenset(_read(path)) for label, path in FILES.items()}


def _read(path: Path) -> list[str]:
    lines = path.read_text("utf-8").splitlines()
    return [name for line in lines if not line.startswith("#") for name in line.split()]


@lru_cache(maxsize=1)
def known_places() -> frozenset[str]:
    """Place names of China from jieba's dictionary (tag ``ns``), countries left out."""
    import jieba

    abroad = known_names()["country"]
    with jieba.Tokenizer().get_dict_file() as lines:
        rows = (line.decode("utf-8").split() for line in lines)
        return (
            frozenset(
                row[0] for row in rows if len(row) == 3 and row[2] == "ns" and len(row[0]) > 1
            )
            - abroad
        )


def reading(text: str) -> str:
    """The sound of a name, for typos that keep it (彩玲, 彩零)."""
    table = syllables()
    return "-".join(table.get(c, c) for c in text)


def price_tail(text: str, end: int) -> int:
    """Where a plan's name really ends when a price and 套餐 or 卡 follow it."""
    found = _PRICE_TAIL.match(text, end)
    return found.end() if found else end


def price_of(text: str) -> str | None:
    """The price that names a plan (一百二十九 → 129, 88块 → 88); None without one."""
    if found := _PRICE.search(re.sub(r"[45]g", "", text)):
        return f"{float(found.group()):g}"
    if found := _CHINESE_PRICE.search(text):
        number = to_number(found.group())
        return None if number is None else f"{number.normalize():f}"
    return None


def resolve_offer(text: str, offers: tuple[Offer, ...], plans: bool) -> Offer | None:
    """The one offer that ``text`` can mean: by name, else by sound, else a plan by its price."""
    candidates = [o for o in offers if (o.kind == "plan") == plans]
    bare = re.sub(r"套餐|业务|[ -]", "", text)
    for same in (lambda a, b: a == b, lambda a, b: a in b or b in a):
        found = [o for o in candidates if any(same(bare, re.sub("套餐", "", n)) for n in o.names)]
        if len(found) == 1:
            return found[0]
    found = [o for o in candidates if any(reading(bare) == reading(n) for n in o.names)]
    if len(found) == 1:
        return found[0]
    price = price_of(text) if plans else None
    found = [o for o in candidates if price and o.price and f"{float(o.price):g}" == price]
    return found[0] if len(found) == 1 else None
