"""The one table of matching rules: which text may be which entity, and how its value is normalised.

Patterns run over folded text (half width, simplified, lower case). A rule proposes; the learned tagger
weighs proposals against their surroundings, because 59 may be a sum, a plan or nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from bot.nlu.entities import dates, values

Normalise = Callable[[str, date], str | None]

_N = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
_CN = r"[一二两俩三仨四五六七八九十百千万廿半几]"
_HOUR = rf"{_N}点(?:半|多|一刻|三刻|钟|\d{{1,2}}分?)?"
_PART = r"(?:凌晨|清晨|早上|早晨|一早|大早|上午|中午|下午|傍晚|晚上|夜里|半夜|深夜|晚|早)"
_MOMENT = rf"(?:的?{_PART}?{_HOUR}|的?{_PART})"
_YEAR = r"(?:(?:(?:20)?\d\d|二[零〇]二[零一二三四五六七八九])年|去年|今年|明年|前年|后年)"
_MONTH_NAME = r"(?:1[0-2]|0?[1-9]|十[一二]|[正一二三四五六七八九十腊])"
_WEEK = r"(?:上上|上|下下|下|这|本)"
_SPOKEN = r"[幺么妖一二三四五六七八九零〇洞拐勾0-9]"
_GAP = r"[,、.… -]{0,2}(?:嗯|呃|额|然后)?[,、.… -]{0,2}"
_SUM = rf"(?:\d+(?:\.\d+)?(?:[万千百]|来|多|几)?|{_CN}+(?:多|来|几)?)"
_DATA_UNIT = r"(?:个?(?:gb|mb|g|m(?!bps)|t(?!t))|个?吉|兆)"
_SPAN = rf"(?:\d+(?:\.\d+)?|{_CN}+[多来]?)"


@dataclass(frozen=True)
class Rule:
    """One pattern of one entity type.

    ``sure`` marks patterns that leave no doubt about the span, whatever the tagger says.
    """

    label: str
    pattern: re.Pattern[str]
    sure: bool = False


def _rule(label: str, pattern: str, sure: bool = False) -> Rule:
    return Rule(label, re.compile(pattern), sure)


RULES: tuple[Rule, ...] = (
    _rule(
        "phone_number",
        r"(?<![\da-z])(?:\+?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?!\d(?!\d?月))",
        sure=True,
    ),
    _rule(
        "phone_number",
        rf"(?<!{_SPOKEN})[幺么妖一1]{_GAP}[三四五六七八九3-9](?:{_GAP}{_SPOKEN}){{9}}(?!{_SPOKEN})",
        sure=True,
    ),
    _rule(
        "phone_number",
        r"(?<![\da-z])(?:0\d{2,3}[- ]?\d{7,8}|00\d{8,13}|106\d{5,12}|[48]00-?\d{3}-?\d{4}|95\d{6,10})"
        r"(?!\d)",
    ),
    _rule("ticket_id", r"(?<![a-z0-9])[a-z]{2,3}[- ]?\d{5,}(?:[ -]\d{2,6}){0,3}(?!\d)"),
    _rule("ticket_id", r"(?<=[单号][是为:])\d{8,16}(?!\d)|(?<=[单号])\d{8,16}(?!\d)"),
    _rule("broadband_account", r"(?<![a-z0-9])(?:[a-z]{2,4}\d{6,14}|\d{8,12})(?![\d@])"),
    _rule("broadband_account", r"(?<![a-z0-9])[a-z0-9_.]{4,20}@[a-z0-9.]{2,20}"),
    _rule("broadband_account", rf"(?<!{_SPOKEN})零{_SPOKEN}{{7,12}}(?!{_SPOKEN})"),
    _rule("month", rf"{_YEAR}?的?{_MONTH_NAME}月份?(?![租费底初卡包嫂饼亮{_CN[1:-1]}\d号日])"),
    _rule("month", rf"{_YEAR}?的?{_MONTH_NAME}月份?(?=[初底卡包])"),
    _rule("month", r"上+一?个?月份?|下+一?个?月份?|这个?月份?|本月份?|当月|前[两三几]个月"),
    _rule("month", r"20\d\d[-./]?(?:0[1-9]|1[0-2])(?![-./\d])|(?:last|this|next) month"),
    _rule("date", rf"(?:大前|前|昨|今|明|大后|后)(?:天|日|儿个|儿|个儿)(?:{_MOMENT})?"),
    _rule("date", rf"(?:昨|今|明|前|后)(?:晚上?|早上?|晨|夜)(?:{_HOUR}|零点)?"),
    _rule("date", rf"{_WEEK}个?(?:周|星期|礼拜)[一二三四五六日天](?:{_MOMENT})?", sure=True),
    _rule("date", rf"(?:周|星期|礼拜)[一二三四五六日天](?:{_MOMENT})?"),
    _rule("date", rf"{_WEEK}个?(?:周末?|星期|礼拜)(?![一二三四五六日天])|周末"),
    _rule("date", rf"{_YEAR}?{_MONTH_NAME}月份?{_N}[号日](?:{_MOMENT})?"),
    _rule(
        "date",
        rf"(?<![\d一二三四五六七八九十第]){_N}[号日](?![楼线店卡院栋门机码])(?:{_MOMENT})?",
    ),
    _rule("date", r"20\d\d[-./年]\d{1,2}[-./月]\d{1,2}[日号]?"),
    _rule(
        "date",
        r"大年(?:初[一二三四五六七八九十]|三十)|初[一二三四五六七八九十](?=[上下早晚开营放])|除夕|元旦|春节|"
        r"国庆节?|五一|十一(?=假|期间|放)|中秋节?|端午节?|清明节?|元宵节?",
    ),
    _rule(
        "duration",
        rf"(?:最近|近|过去|前)?{_SPAN}个?多?半?(?:工作日|年|月(?!份)|周|星期|礼拜|天|日(?!元)|小时|钟头|分钟|"
        r"晚上|上午|下午)半?多?",
    ),
    _rule("duration", r"小?半(?:年|个月|天|个?小时|个?钟头|辈子)|一辈子"),
    _rule(
        "data_amount",
        rf"(?:\d+(?:\.\d+)?|[一二两三四五六七八九十百几]+)[多来几]?{_DATA_UNIT}(?![a-z])",
    ),
    _rule(
        "money_amount",
        rf"[¥￥]\s*\d+(?:\.\d+)?|{_SUM}[块元圆蚊刀毛角]"
        r"(?:钱|\d(?!\d)|[一二三四五六七八九](?![个十百千条张月天年]))?多?",
    ),
    _rule(
        "money_amount",
        r"(?<![\da-z.])\d{1,5}(?:\.\d{1,2})?(?![\d.a-z个条张分点号月年日天次%星颗兆万])",
    ),
    _rule(
        "money_amount",
        r"[一二两三四五六七八九]?[十百千万][一二三四五六七八九十百千零]*[多几来]?"
        r"(?![个条张分点号月年日天次星颗兆])",
    ),
    _rule(
        "rating",
        r"(?:[0-9]{1,3}|[一二两三四五六七八九十零半])[颗个]?[分星](?!钟|期)(?:好评)?|"
        r"负(?:一百|十|五|一|\d+)?分|满分",
    ),
    _rule(
        "rating",
        r"(?:极其|非常|特别|相当|十分|基本|比较|还算|不太|很|太|超级|最)?不?满意(?!度)|"
        r"[好差中]评|不?及格|中等|一般",
    ),
    _rule(
        "address",
        r"[\u4e00-\u9fff]{2,7}?(?:省|市|自治区|区|县|镇|乡|街道|村|大道|大街|路|街|巷|弄|胡同|小区|花园|家园|新村|"
        r"广场|大厦|商场|商城|步行街|开发区|机场|火车站|高铁站|地铁站|[东西南北]站|大学|校区|校园|园区|科技园|"
        r"软件园|工业园|口岸|港)(?:[0-9一二三四五六七八九十]{1,5}[号栋期弄院室单元楼]{1,2}){0,4}",
    ),
)

NORMALISERS: dict[str, Normalise] = {
    "phone_number": lambda text, _: values.digits(text),
    "month": dates.month,
    "date": dates.day,
    "duration": lambda text, _: dates.duration(text),
    "money_amount": lambda text, _: values.money(text),
    "data_amount": lambda text, _: values.data_amount(text),
    "rating": lambda text, _: values.rating(text),
    "ticket_id": lambda text, _: values.identifier(text),
    "broadband_account": lambda text, _: values.account(text),
}
