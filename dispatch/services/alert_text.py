"""What an alert says outside the pages: which order, where, since when, what to do; in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from dispatch.core.alerting import Told, since
from dispatch.core.process import Process
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.words import titled, word

LISTED = 20
"""So many of a letter's alerts are written out; the rest is counted."""
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class News:
    """One alert, with its order where it has one."""

    told: Told
    order: WorkOrder | None = None
    process: Process | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What one channel is sent."""

    title: str
    body: str


class Words:
    """The texts of one language, for one moment."""

    def __init__(self, context: Context, language: str, now: datetime) -> None:
        self._context, self._now = context, now
        self._language = language or context.language
        self._zh = self._language.startswith("zh")

    def letter(self, news: Sequence[News]) -> Letter:
        """One alert in full, or several in one."""
        if len(news) == 1:
            return Letter(self._title(news[0]), "\n".join(self._full(news[0])))
        counted = f"{len(news)} 条提醒" if self._zh else f"{len(news)} alerts"
        lines = [self._short(one) for one in news[:LISTED]]
        if len(news) > LISTED:
            more = len(news) - LISTED
            lines.append(
                f"另有 {more} 条,见控制室。" if self._zh else f"and {more} more: see the control room."
            )
        if self._context.public_url:
            lines.append(f"{self._context.public_url}/control-room")
        return Letter(
            f"{counted}:{self._title(news[0])}" if self._zh else f"{counted}: {self._title(news[0])}",
            "\n".join(lines),
        )

    def trial(self, by: str) -> Letter:
        """What the test button sends."""
        at = f"{self._now.astimezone(self._context.zone):%Y-%m-%d %H:%M}"
        if self._zh:
            return Letter("报修调度:测试", f"这是 {by} 于 {at} 发出的测试,不需要处理。")
        return Letter("Fault dispatch: test", f"A test by {by} at {at}. Nothing needs to be done.")

    def _title(self, news: News) -> str:
        what = word("alert_codes", news.told.code, self._language)
        if not news.told.order_id:
            return what
        return f"{what}:工单 {news.told.order_id}" if self._zh else f"{what}: order {news.told.order_id}"

    def _full(self, news: News) -> list[str]:
        told = news.told
        advice = word("alert_advice", told.code, self._language)
        lines = [word("alert_codes", told.code, self._language), *self._facts(news), self._time(news)]
        lines += [advice] if advice != told.code else []
        if told.order_id and self._context.public_url:
            lines.append(f"{self._context.public_url}/orders/{quote(told.order_id)}")
        return [line for line in lines if line]

    def _short(self, news: News) -> str:
        where = news.order.facts.address if news.order else str(news.told.facts.get("text", ""))
        return " · ".join(part for part in (self._title(news), where, self._time(news)) if part)

    def _facts(self, news: News) -> list[str]:
        told, facts, order = news.told, news.told.facts, news.order
        said: list[tuple[str, str, str]] = []
        if order is not None:
            process = news.process
            fault = (
                titled(process.fault_types.get(order.facts.fault_type), self._language, "") if process else ""
            )
            said += [
                ("工单", "Order", order.id),
                ("地址", "Address", order.facts.address),
                ("故障", "Fault", fault),
            ]
        said.append(
            ("报修中心", "Repair centre", self._name(self._context.directory.centres, told.centre_id))
        )
        said.append(
            ("班组", "Crew", self._name(self._context.directory.crews, str(facts.get("crew_id", ""))))
        )
        said += self._too_few(facts)
        if news.process is not None and (name := facts.get("segment")):
            title = news.process.segment(str(name)).title
            said.append(("环节", "Segment", titled(title, self._language, str(name))))
        if owner := facts.get("owner"):
            said.append(("责任方", "Responsible", word("owners", str(owner), self._language)))
        if news.process is not None and (reason := news.process.reasons.get(str(facts.get("reason", "")))):
            said.append(("原因", "Reason", titled(reason.title, self._language, reason.code)))
        said.append(("说明", "Remark", str(facts.get("text") or "")))
        if rung := facts.get("rung"):
            said.append(("提醒级别", "Rung", str(rung)))
        colon = ":" if self._zh else ": "
        return [f"{zh if self._zh else en}{colon}{value}" for zh, en, value in said if value]

    def _too_few(self, facts: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """Of a shortage report: whose, how often, and who is responsible."""
        if "shortage" not in facts:
            return []
        department = self._name(self._context.directory.departments, str(facts.get("department", "")))
        return [
            ("专业", "Trade", word("trades", str(facts["trade"]), self._language)),
            ("部门", "Department", department),
            ("无空闲班组的工单数", "Orders without a free crew", str(facts["orders"])),
            ("其中超过承诺时限", "Of them with a missed promise", str(facts["missed"])),
            ("负责人", "Leaders", ", ".join(facts["leaders"])),
        ]

    def _name(self, those: Any, id_: str) -> str:
        one = those.get(id_)
        return ((one.name_zh if self._zh else one.name) or id_) if one else id_

    def _time(self, news: News) -> str:
        start = news.told.raised_at
        if news.order is not None and news.process is not None:
            start = since(news.order, news.process, news.told)
        local, today = start.astimezone(self._context.zone), self._now.astimezone(self._context.zone)
        at = f"{local:%H:%M}" if local.date() == today.date() else f"{local:%Y-%m-%d %H:%M}"
        minutes = max(0, (self._now - start) // _MINUTE)
        return f"自 {at} 起,已 {minutes} 分钟" if self._zh else f"since {at}, {minutes} min ago"
