"""Whole dialogues through rasa-sdk's executor, with the sandbox in process."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from actions.bss.client import OperatorClient
from actions.server import executor
from tests.actions.conversation import Conversation, customer, rules, several

pytestmark = pytest.mark.usefixtures("bss")
HIT = {
    "entry_id": "roaming-fee", "question": "国际漫游怎么收费？", "matched_question": "漫游资费",
    "answer": "${offer.addon-roaming-day.name}每天${offer.addon-roaming-day.price}元。",
    "follow_ups": ["帮我开通国际漫游", "转人工"], "score": 0.9, "category": "漫游",
}  # fmt: skip


async def break_operator(sandbox: FastAPI, prefix: str = "/tmf-api") -> None:
    sandbox.state.sandbox.faults.append(
        {"prefix": prefix, "status": 503, "delay_s": 0, "times": 1_000_000}
    )


def test_every_rule_has_its_action() -> None:
    known = executor().actions
    assert set(rules().values()) <= set(known)
    assert {"validate_task_form", "action_session_start"} <= set(known)


async def test_verification_in_the_middle_then_the_first_question_is_answered() -> None:
    talk = Conversation()
    asked = await talk.say("我上个月话费怎么比之前多", "explain_bill", entities={"month": "上个月"})
    assert "手机号码" in asked.text
    assert not asked.directives
    sent = await talk.say("13800000001", "inform", entities={"phone_number": "13800000001"})
    assert "138****0001" in sent.text
    wrong = await talk.say("111111", "inform")
    assert "还可以再试4次" in wrong.text
    done = await talk.say("２４６ ８１０", "inform")
    for figure in ("158.40", "134.00", "流量超出 20.00", "国内短信 4.40"):
        assert figure in done.text
    assert done.card("bill")["total"] == "158.40"
    verified = done.directive("verified")
    assert (verified["customer_id"], verified["customer_name"]) == ("8600001", "张伟")
    assert talk.loop is None
    assert talk.slots["tasks"] is None
    assert talk.slots["resumed"] is None
    next_answer = await talk.say("余额多少", "query_balance")
    assert "56.30" in next_answer.text


async def test_the_phone_may_come_with_the_question() -> None:
    talk = Conversation()
    asked = await talk.say("查13800000003的余额", "query_balance",
                           entities={"phone_number": "13800000003"})  # fmt: skip
    assert "138****0003" in asked.text
    assert "88.00" in (await talk.say("246810", "inform")).text


async def test_too_many_wrong_codes_end_the_verification() -> None:
    talk = Conversation()
    await talk.say("查13800000003的余额", "query_balance")
    for _ in range(4):
        await talk.say("000000", "inform")
    last = await talk.say("000000", "inform")
    assert "次数太多" in last.text
    assert "转人工" in last.buttons
    assert talk.loop is None


async def test_a_person_can_be_had_inside_the_verification() -> None:
    talk = Conversation()
    await talk.say("查余额", "query_balance")
    said = await talk.say("转人工", "request_human")
    handoff = said.directive("handoff")
    assert handoff["trigger"] == "asked"
    assert handoff["intent"] == "query_balance"
    assert "短信验证码" in handoff["slots"]["missing"]
    assert talk.loop is None
    assert talk.slots["tasks"] is None


async def test_the_verification_can_be_cancelled_and_its_task_goes_too() -> None:
    talk = Conversation()
    await talk.say("退订视频会员", "cancel_subscription")
    said = await talk.say("算了不弄了", "deny")
    assert "取消验证" in said.text
    assert talk.loop is None
    assert talk.slots["tasks"] is None


async def test_only_ones_own_number() -> None:
    talk = Conversation(customer(1))
    said = await talk.say("查一下13800000002的余额", "query_balance")
    assert "12.50" not in said.text
    assert "138****0001" in said.text
    bill = await talk.say("把13800000002停机", "suspend_service")
    assert talk.loop is None
    assert "138****0001" in bill.text


async def test_assurance_below_two_opens_nothing() -> None:
    talk = Conversation(customer(1, assurance=1))
    said = await talk.say("余额", "query_balance")
    assert "56.30" not in said.text
    assert "138****0001" in said.text


async def test_an_unwanted_service_from_explanation_to_cancellation_by_agreeing() -> None:
    talk = Conversation(customer(2))
    explained = await talk.say("为什么这个月扣这么多", "explain_bill", entities={"month": "这个月"})
    assert "74.00" in explained.text
    assert "视频会员 15.00元" in explained.text
    asked = await talk.say("好的", "affirm")
    assert "确认退订" in asked.text
    done = await talk.say("确认办理", "affirm")
    assert "已经退订" in done.text
    assert "DD" in done.text
    again = await talk.say("退订视频会员", "cancel_subscription",
                           entities={"service_name": "视频会员"})  # fmt: skip
    assert "已经退订过了" in again.text


async def test_recommendation_from_real_usage_then_the_change() -> None:
    talk = Conversation(customer(5))
    advice = await talk.say("流量不够换哪个", "recommend_package")
    assert "畅享39元" in advice.text
    assert "46.00元" in advice.text
    assert advice.card("plans")["plans"][0]["id"] == "plan-39"
    confirm = await talk.say(
        "办理畅享39元", "change_package", entities={"package_name": "畅享39元"}
    )
    assert "39元" in confirm.text
    assert "1日" in confirm.text
    assert "确认" in confirm.text
    corrected = await talk.say("不是，要59的", "change_package", entities={"package_name": "59"})
    assert "畅享59元" in corrected.text
    done = await talk.say("可以，帮我办吧", "affirm")
    assert "办好了" in done.text
    assert "DD" in done.text
    assert "畅享59元" in (await talk.say("我现在是什么套餐", "query_package")).text


async def test_a_question_inside_a_task_is_answered_and_the_task_goes_on() -> None:
    talk = Conversation(customer(1))
    await talk.say("充值", "recharge")
    detour = await talk.say("余额多少", "query_balance")
    assert "56.30" in detour.text
    assert "充多少钱" in detour.text
    fact = await talk.say("漫游怎么收费", "ask_knowledge",
                          knowledge={"decision": "answer", "hits": [HIT]})  # fmt: skip
    assert "每天30元" in fact.text
    assert "充多少钱" in fact.text
    assert "充值50元" in (await talk.say("五十", "inform")).text
    paid = await talk.say("确认", "affirm")
    assert "106.30元" in paid.text
    assert "CZ" in paid.text


async def test_a_new_job_inside_a_job_and_back() -> None:
    talk = Conversation(customer(1))
    await talk.say("换成59的", "change_package", entities={"package_name": "59"})
    inner = await talk.say("先给我充100", "recharge", entities={"money_amount": "100"})
    assert "充值100元" in inner.text
    back = await talk.say("好", "affirm")
    assert "到账100.00元" in back.text
    assert "我们继续刚才的换套餐" in back.text
    assert "不办了" in (await talk.say("不换了", "deny")).text
    assert talk.loop is None


BALANCE_AND_DATA = several(
    ("查下余额", "query_balance"), ("加个10G流量包", "order_addon", {"data_amount": "10G"}),
    ("漫游怎么收费", "ask_knowledge"),
)  # fmt: skip
BALANCE_AND_DATA[2]["knowledge"] = {"decision": "answer", "hits": [HIT]}


async def test_several_requests_are_done_one_after_the_other() -> None:
    talk = Conversation(customer(1))
    first = await talk.say("查下余额，加个10G流量包，漫游怎么收费", "order_addon",
                           requests=BALANCE_AND_DATA)  # fmt: skip
    assert first.text.index("三件事") < first.text.index("56.30")
    assert "「加个10G流量包」" in first.text
    assert "每天30元" not in first.text, "the question waits until the order is settled"
    second = await talk.say("确认办理", "affirm")
    assert "「漫游怎么收费」" in second.text
    assert "每天30元" in second.text
    assert talk.slots["waiting"] is None
    assert talk.slots["resumed"] is None
    assert talk.loop is None
    assert "56.30" not in (await talk.say("谢谢", "thank")).text


async def test_several_requests_share_one_verification() -> None:
    talk = Conversation()
    asked = await talk.say("查余额，再查下流量", "query_balance",
                           requests=several(("查余额", "query_balance"), ("查下流量", "query_usage")))  # fmt: skip
    assert "手机号码" in asked.text
    await talk.say("13800000001", "inform", entities={"phone_number": "13800000001"})
    done = await talk.say("246810", "inform")
    assert done.text.index("56.30") < done.text.index("「查下流量」") < done.text.index("58.6")


async def test_who_will_not_be_verified_is_not_asked_again_for_the_next_request() -> None:
    talk = Conversation()
    await talk.say("查余额，再查下流量", "query_balance",
                   requests=several(("查余额", "query_balance"), ("查下流量", "query_usage")))  # fmt: skip
    left = await talk.say("取消", "deny")
    assert "流量" not in left.text
    assert talk.slots["waiting"] is None


async def test_a_person_gets_the_requests_that_wait() -> None:
    talk = Conversation()
    await talk.say("查余额，再查下流量", "query_balance",
                   requests=several(("查余额", "query_balance"), ("查下流量", "query_usage")))  # fmt: skip
    said = await talk.say("转人工", "request_human")
    assert "还没办的：「查下流量」" in said.directive("handoff")["request"]
    assert talk.slots["waiting"] is None


async def test_others_may_be_paid_for_without_verification() -> None:
    talk = Conversation()
    await talk.say("给13800000005充30", "recharge",
                   entities={"phone_number": "13800000005", "money_amount": "30"})  # fmt: skip
    done = await talk.say("确认", "affirm")
    assert "30.00元" in done.text
    assert "余额" not in done.text.split("。")[0]
    assert "36.20" not in done.text  # the payer does not learn another's balance


@pytest.mark.parametrize("amount", ["0.5元", "10000元"])
async def test_odd_amounts_are_refused_politely(amount: str) -> None:
    talk = Conversation(customer(1))
    said = await talk.say(f"充{amount}", "recharge", entities={"money_amount": amount})
    assert "1到500元" in said.text


async def test_useless_answers_offer_a_way_out() -> None:
    talk = Conversation(customer(1))
    await talk.say("充值", "recharge")
    for _ in range(3):
        said = await talk.say("嗯嗯嗯啊", "nlu_fallback", 0.2)
    assert {"取消", "转人工"} <= set(said.buttons)
    assert "不办了" in (await talk.say("取消", "nlu_fallback", 0.3)).text


async def test_an_outage_is_told_and_the_ticket_can_be_followed() -> None:
    talk = Conversation(customer(4))
    told = await talk.say("宽带上不去了", "report_network_fault")
    assert "望京" in told.text
    assert "预计" in told.text
    filed = await talk.say("好的", "affirm")
    number = filed.card("ticket")["id"]
    assert number.startswith("BX")
    progress = await talk.say(f"{number}到哪了", "query_ticket", entities={"ticket_id": number})
    assert "已受理" in progress.text


async def test_who_takes_over_learns_of_the_outage_that_was_found() -> None:
    talk = Conversation(customer(4))
    await talk.say("宽带上不去了", "report_network_fault")
    handoff = (await talk.say("转人工", "request_human")).directive("handoff")
    (found,) = handoff["tried"]
    assert "望京" in found["summary"]
    assert found["summary"].endswith("正在抢修")
    assert "望京" in found["figures"]["故障地点"]
    assert "预计恢复" in found["figures"]


async def test_a_stopped_number_is_not_reported_as_a_fault() -> None:
    talk = Conversation(customer(2))
    said = await talk.say("手机没信号打不了电话", "report_network_fault")
    assert "欠费" in said.text
    assert "充值话费" in said.buttons
    assert talk.loop is None


async def test_contracts_and_ages_are_respected() -> None:
    talk = Conversation(customer(4))
    said = await talk.say("改成59元套餐", "change_package", entities={"package_name": "59元套餐"})
    assert "合约" in said.text
    assert talk.loop is None
    young = Conversation(customer(5))
    refused = await young.say("换银龄29元", "change_package", entities={"package_name": "银龄29元"})
    assert "60周岁" in refused.text


async def test_roaming_password_invoice_spam_store_suspend() -> None:
    talk = Conversation(customer(1))
    await talk.say("明天去日本开一下漫游", "activate_roaming",
                   entities={"country": "日本", "date": "明天"})  # fmt: skip
    assert "开通好了" in (await talk.say("好", "affirm")).text
    await talk.say("重置服务密码", "change_password")
    assert "138****0001" in (await talk.say("确认", "affirm")).text
    await talk.say("开发票", "request_invoice")
    await talk.say("上个月", "inform", entities={"month": "上个月"})
    assert "158.40元" in (await talk.say("北京某某科技有限公司", "inform")).text
    assert "FP" in (await talk.say("对", "affirm")).text
    await talk.say("举报骚扰电话", "report_spam")
    await talk.say("4001234567", "inform")
    assert "JB" in (await talk.say("确认", "affirm")).text
    assert (
        "望京"
        in (await talk.say("望京附近营业厅", "find_store", entities={"address": "望京"})).text
    )
    await talk.say("停机保号", "suspend_service")
    assert "已经停机" in (await talk.say("确认", "affirm")).text
    await talk.say("复机", "resume_service")
    assert "已经恢复" in (await talk.say("好", "affirm")).text
    tried = [step["summary"] for step in talk.slots["tried"]]
    assert len(tried) == 7
    assert any("发票" in summary for summary in tried)


async def test_a_roaming_country_without_service_is_refused_by_the_operator() -> None:
    talk = Conversation(customer(1))
    await talk.say("去火星开漫游", "activate_roaming", entities={"country": "火星", "date": "明天"})
    said = await talk.say("确认", "affirm")
    assert "火星暂时没有开通漫游" in said.text
    assert talk.loop is None


async def test_knowledge_answer_with_figures_reaction_and_clarify() -> None:
    talk = Conversation()
    answer = await talk.say("国际漫游怎么收费", "ask_knowledge",
                            knowledge={"decision": "answer", "hits": [HIT]})  # fmt: skip
    assert "国际漫游日包每天30元" in answer.text
    assert "帮我开通国际漫游" in answer.buttons
    assert talk.slots["knowledge_shown"][-1]["reaction"] is None
    await talk.say("没解决", "feedback_negative")
    assert talk.slots["knowledge_shown"][-1]["reaction"] == "negative"
    ask = await Conversation().say("漫游", "ask_knowledge",
                                   knowledge={"decision": "clarify", "hits": [HIT]})  # fmt: skip
    assert "国际漫游怎么收费？" in ask.buttons
    choice = await Conversation().say("那个", "clarify", 0.3,
                                      clarify=[{"title": "查账单", "payload": "查上个月账单"}])  # fmt: skip
    assert choice.replies[0]["buttons"][0] == {"title": "查账单", "payload": "查上个月账单"}


async def test_what_did_not_help_brings_the_next_best_questions_or_a_person() -> None:
    talk = Conversation()
    other = {**HIT, "entry_id": "roaming-open", "question": "怎么开通国际漫游？"}
    answer = await talk.say("国际漫游怎么收费", "ask_knowledge",
                            knowledge={"decision": "answer", "hits": [HIT, other]})  # fmt: skip
    assert answer.replies[0]["knowledge"]["entry_id"] == "roaming-fee"
    kinds = [b["title"] for b in answer.replies[0]["buttons"] if b.get("kind") == "feedback"]
    assert kinds == ["解决了", "没解决"]
    again = await talk.say("没解决我的问题", "feedback_negative")
    assert again.buttons[0] == "怎么开通国际漫游？"
    assert "转人工" in again.buttons


async def test_knowledge_without_the_catalogue_hides_the_figure(sandbox: FastAPI) -> None:
    await break_operator(sandbox)
    said = await Conversation().say("漫游收费", "ask_knowledge",
                                    knowledge={"decision": "answer", "hits": [HIT]})  # fmt: skip
    assert "30" not in said.text
    assert "${" not in said.text


async def test_the_second_miss_brings_a_person_and_success_forgets_the_first() -> None:
    talk = Conversation(customer(1))
    first = await talk.say("阿巴", "nlu_fallback", 0.1)
    assert first.buttons
    assert not first.directives
    await talk.say("余额", "query_balance")
    assert not (await talk.say("阿巴", "nlu_fallback", 0.1)).directives
    second = await talk.say("啥", "ask_knowledge", knowledge={"decision": "none", "hits": []})
    assert second.directive("handoff")["trigger"] == "misses"


async def test_anger_once_is_soothed_twice_gets_a_person() -> None:
    angry = {"label": "angry", "score": 0.95, "flags": []}
    talk = Conversation(customer(1))
    once = await talk.say("破系统余额多少", "query_balance", sentiment=angry)
    assert "56.30" in once.text
    assert "抱歉" in once.text
    assert "转人工" in once.buttons
    twice = await talk.say("烦死了流量呢", "query_usage", sentiment=angry)
    handoff = twice.directive("handoff")
    assert handoff["trigger"] == "sentiment"
    assert len(handoff["tried"]) == 2


async def test_legal_words_are_a_grave_complaint() -> None:
    talk = Conversation(customer(4))
    said = await talk.say("我要去工信部投诉你们", "file_complaint")
    handoff = said.directive("handoff")
    assert (handoff["trigger"], handoff["complaint_grade"], handoff["skill_group"]) == (
        "complaint", "high", "complaints",
    )  # fmt: skip
    flagged = await Conversation(customer(1)).say(
        "余额怎么又少了，我找律师", "query_balance",
        sentiment={"label": "unhappy", "score": 0.7, "flags": ["legal"]},
    )  # fmt: skip
    assert flagged.directive("handoff")["complaint_grade"] == "high"
    assert "56.30" in flagged.text


async def test_a_threat_withdraws_nothing() -> None:
    talk = Conversation(customer(4))
    await talk.say("我要投诉", "file_complaint")
    threat = await talk.say(
        "算了，不跟你说了，法院见", "deny",
        sentiment={"label": "angry", "score": 0.9, "flags": ["legal"]},
    )  # fmt: skip
    handoff = threat.directive("handoff")
    assert handoff["complaint_grade"] == "high"
    assert "不办了" not in threat.text
    assert handoff["slots"]["missing"]


@pytest.mark.parametrize(
    ("intent", "trigger", "group"),
    [("port_out", "retention", "retention"), ("cancel_account", "retention", "retention"),
     ("replace_sim", "job", "general")],
)  # fmt: skip
async def test_what_only_a_person_may_do(intent: str, trigger: str, group: str) -> None:
    handoff = (await Conversation().say("帮我办一下", intent)).directive("handoff")
    assert (handoff["trigger"], handoff["skill_group"]) == (trigger, group)


async def test_a_lost_phone_needs_no_code() -> None:
    said = await Conversation().say("手机被偷了赶紧挂失", "suspend_service")
    assert said.directive("handoff")["trigger"] == "job"


async def test_elderly_customers_get_less_text_and_a_person_nearby() -> None:
    old, young = Conversation(customer(3)), Conversation(customer(5))
    one = await old.say("流量还有多少", "query_usage")
    other = await young.say("流量还有多少", "query_usage")
    assert len(one.text) < len(other.text) / 2
    assert one.buttons[-1] == "转人工"
    assert "转人工" not in other.buttons


async def test_down_means_no_figure_and_twice_means_a_person(sandbox: FastAPI) -> None:
    talk = Conversation(customer(1))
    await break_operator(sandbox)
    said = await talk.say("余额", "query_balance")
    assert not any(char.isdigit() for char in said.text)
    assert "转人工" in said.buttons
    again = await talk.say("余额", "query_balance")
    assert again.directive("handoff")["trigger"] == "outage"


async def test_down_in_the_middle_of_a_job_writes_nothing(
    sandbox: FastAPI, bss: OperatorClient
) -> None:
    talk = Conversation(customer(1))
    await talk.say("充50", "recharge", entities={"money_amount": "50"})
    await break_operator(sandbox, "/tmf-api/prepayBalance")
    said = await talk.say("确认", "affirm")
    assert "没有响应" in said.text
    assert "成功" not in said.text
    assert talk.loop is None
    sandbox.state.sandbox.faults.clear()
    assert str(await bss.accounts.balance("8600001")) == "56.30"


async def test_bare_values_refine_the_last_question() -> None:
    talk = Conversation(customer(1))
    await talk.say("查账单", "query_bill")
    said = await talk.say("上上个月的", "inform", entities={"month": "上上个月"})
    assert "134.00" in said.text
    unknown = await talk.say("2019年3月", "inform", entities={"month": "2019年3月"})
    assert "没有查到" in unknown.text


async def test_words_that_point_at_a_list() -> None:
    talk = Conversation(customer(1))
    await talk.say("有哪些套餐", "browse_packages")
    second = await talk.say("第二个呢", "inform")
    assert "银龄29元" in second.text
    last = await talk.say("最后一个多少钱", "browse_packages")
    assert "5G尊享199元" in last.text
    assert "青春19元" not in last.text
    ordered = await talk.say("换成第五个", "change_package")
    assert "畅享79元" in ordered.text
    await talk.say("不办了", "deny")
    assert "您想办" in (await talk.say("第十二个呢", "inform")).text


async def test_a_choice_may_be_named_by_its_place() -> None:
    talk = Conversation(customer(1))
    other = {**HIT, "entry_id": "roam-open", "question": "怎么开通漫游？", "answer": "发短信开通。"}
    await talk.say("漫游", "ask_knowledge", knowledge={"decision": "clarify", "hits": [HIT, other]})
    assert "发短信开通" in (await talk.say("第二个", "inform")).text
    wanted = [{"title": "查话费余额", "payload": "查一下我的话费余额", "intent": "query_balance"},
              {"title": "查积分", "payload": "查一下我有多少积分", "intent": "query_points"}]  # fmt: skip
    await talk.say("查一下", "clarify", clarify=wanted)
    assert "56.30" in (await talk.say("选第一个", "inform")).text


async def test_a_new_session_forgets_tasks_and_keeps_what_was_tried() -> None:
    talk = Conversation(customer(1))
    await talk.say("余额", "query_balance")
    await talk.say("充值", "recharge")
    result = await executor().run(
        {"next_action": "action_session_start", "sender_id": "c", "tracker": talk.tracker([])}
    )
    assert result is not None
    assert not result.responses
    kept = {e["name"] for e in result.events if e["event"] == "slot"}
    assert "tried" in kept
    assert "tasks" not in kept


async def test_greeting_is_long_only_once() -> None:
    talk = Conversation()
    first, second = await talk.say("你好", "greet"), await talk.say("在吗", "greet")
    assert len(second.text) < len(first.text) / 2


@pytest.mark.parametrize(
    "text", ["a" * 2000, "😀😀", "<script>alert(1)</script>", '{"a": 1}', "１" * 500]
)
@pytest.mark.parametrize("intent", ["nlu_fallback", "inform", "query_bill", "recharge"])
async def test_strange_texts_get_a_sane_reply(text: str, intent: str) -> None:
    said = await Conversation(customer(1)).say(text, intent, 0.3)
    assert said.replies
    assert all(len(reply["text"]) < 1000 for reply in said.replies)


async def test_the_handoff_masks_numbers_and_keeps_figures() -> None:
    talk = Conversation(customer(1))
    await talk.say("上个月账单", "query_bill", entities={"month": "上个月"})
    said = await talk.say("转人工，我电话13800000001", "request_human")
    handoff: dict[str, Any] = said.directive("handoff")
    assert "13800000001" not in handoff["request"]
    assert any("158.40元" in step["figures"].values() for step in handoff["tried"])


async def test_every_intent_answers_something(bss: OperatorClient) -> None:
    for intent in rules():
        for known in (None, customer(1)):
            said = await Conversation(known).say("帮我看看", intent)
            assert said.replies, intent
    assert isinstance(bss, OperatorClient)


async def test_a_failing_action_is_never_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("actions.bss.accounts.Accounts.balance", broken)
    said = await Conversation(customer(1)).say("余额", "query_balance")
    assert "转人工" in said.buttons
    assert "a bug of ours" not in said.text
