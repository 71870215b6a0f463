"""The manager's report as one file: it opens from a disk, asks nobody for anything, and holds no order's details.

Leaflet, its heat layer and the map that folium draws up stand inside it; a content security policy of its own
refuses every request. The late places are points rounded to a metre, without ids, names or addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from branca.element import CssLink, JavascriptLink
from folium.plugins import HeatMap
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dispatch.core.compliance import ENDS
from dispatch.core.figures import Compliance, Spread
from dispatch.services.context import Context
from dispatch.services.review import Review
from map_ui.languages import translate
from map_ui.maps import HEAT, bounds_of, plain_map
from map_ui.report_ground import draw_ground
from map_ui.report_words import Named, dimensions, names
from map_ui.vendor import STATIC, local

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
_URL = re.compile(r"url\([^)]*\)")
Point = tuple[float, float, float]
Table = tuple[str, Sequence[str], Sequence[Sequence[Any]]]


MARGIN = 0.01
"""Degrees around the late places: one alone has no bounds that a map could be fitted to."""


def standalone(
    found: Review, points: Sequence[Point], context: Context, language: str, roads: Mapping[str, Any]
) -> str:
    """The whole document. `points`: latitude, longitude, minutes late; `roads`: a GeoJSON FeatureCollection of lines."""

    def _(text: str) -> str:
        return translate(language, text)

    head, body, script = _map(points, context.directory.territories, roads, language)
    called, named = dimensions(language), names(context, language)
    filtered = [(called[kind], named(kind, code)) for kind, code in found.period.wanted.items()]
    return _TEMPLATES.get_template("report.html").render(
        _=_, language=language, found=found, filtered=filtered, tables=_tables(found, _, named),
        as_of=found.as_of.astimezone(context.zone) if found.as_of else None, points=len(points),
        map_head=head, map_body=body, map_script=script, percent=_percent, spent=_spent,
    )  # fmt: skip


def _map(
    points: Sequence[Point], territories: Mapping[str, Any], roads: Mapping[str, Any], language: str
) -> tuple[Markup, Markup, Markup]:
    """Head, body and script of the map, with every library inside."""
    bounds = (
        [
            [min(p[i] for p in points) - MARGIN for i in (0, 1)],
            [max(p[i] for p in points) + MARGIN for i in (0, 1)],
        ]
        if points
        else None
    )
    figure, drawn = plain_map(lat=35.0, lon=105.0, zoom=5, bounds=bounds or bounds_of(territories, None))
    draw_ground(drawn, territories, roads, "name_zh" if language == "zh-CN" else "name")
    if points:
        HeatMap(  # type: ignore[no-untyped-call]
            [[lat, lon, round(min(0.6, 0.12 + over / 180), 2)] for lat, lon, over in points], **HEAT
        ).add_to(drawn)
    for child in figure._children.values():
        child.render()
    head = "\n".join(_inside(part) for part in figure.header._children.values())
    script = figure.script.render()
    return Markup(head), Markup(figure.html.render()), Markup(f"<script>{script}</script>")  # noqa: S704


def _inside(part: Any) -> str:
    """A part of folium's head with the file that it names in its place. Raises UnknownVendorAddress."""
    if isinstance(part, JavascriptLink | CssLink):
        text = (STATIC / local(part.url)).read_text(encoding="utf-8")
        if isinstance(part, CssLink):
            return (
                f"<style>{_URL.sub('none', text)}</style>"  # pictures of controls that this map does not have
            )
        return "<script>" + re.sub(r"//# sourceMappingURL=\S+", "", text) + "</script>"
    rendered = str(part.render())
    return "" if "http-equiv" in rendered or "viewport" in rendered else rendered


def _tables(found: Review, _: Callable[[str], str], named: Named) -> list[Table]:
    figures = found.figures
    made: list[Table] = [_segments(figures, _, named)]
    late = [(named("owner", o.owner), f"{o.seconds / 60:.1f}", o.orders) for o in figures.late_by_owner]
    over = _("Minutes over segment limits, by party")
    made.append((over, [_("Responsible"), _("Minutes over"), _("Orders")], late))
    ends = [
        _("Answered"),
        _("Taken in hand"),
        _("Climbed on"),
        _("Withdrawn"),
        _("Silent by rule"),
        _("Nothing yet"),
    ]
    rungs = [
        (named("watch", r.watch), r.rung, r.count, *(r.ends[end] for end in ENDS), _spent(r.median_s))
        for r in figures.escalations
    ]
    heads = [_("Watch"), _("Rung"), _("How often"), *ends, _("Median until answered")]
    made.append((_("Escalations, and what they achieved"), heads, rungs))
    titles = {
        "day": _("By day"), "centre": _("By repair centre"), "trade": _("By trade"), "area": _("By area"),
        "fault": _("By kind of fault"), "cause": _("By cause, as the crews recorded it"), "crew": _("By crew"),
        "hour": _("By hour of the report"),
    }  # fmt: skip
    columns = ["", _("Orders"), _("Arrived"), _("Judgeable"), _("In time"), _("Share")]
    for kind, title in titles.items():
        rows = [
            (named(kind, one.name), one.orders, one.arrived, one.judged, one.within, _percent(one.within_pct))
            for one in figures.by[kind]
        ]  # fmt: skip
        made.append((title, columns, rows))
    used = [
        (
            named("crew", u.crew),
            u.orders,
            f"{u.busy_s / 3600:.1f}",
            f"{u.shift_s / 3600:.1f}",
            _percent(u.used_pct),
        )
        for u in found.used
    ]
    heads = [_("Crew"), _("Orders"), _("Hours busy"), _("Hours on shift"), _("In use")]
    made.append((_("Use of the crews"), heads, used))
    hours = [(named("hour", f"{s.hour:02}"), s.orders, s.missed) for s in found.short_hours]
    made.append((_("Hours without a free crew"), [_("Hour"), _("Orders"), _("Promise missed")], hours))
    return made


def _segments(figures: Compliance, _: Callable[[str], str], named: Named) -> Table:
    rows: list[Sequence[Any]] = [
        (f"{s.name} {named('segment', s.name)}", named("owner", s.owner), _spent(s.limit_s), *_spread(Spread(s.n, s.p50, s.p90, s.p95)), s.overruns)
        for s in figures.segments
    ]  # fmt: skip
    rows.append((_("A to H"), "", "", *_spread(figures.total), figures.judged - figures.within))
    return (
        _("By segment"),
        [_("Segment"), _("Responsible"), _("Limit"), "n", "p50", "p90", "p95", _("Overruns")],
        rows,
    )


def _spread(found: Spread) -> tuple[int, str, str, str]:
    return found.n, _spent(found.p50), _spent(found.p90), _spent(found.p95)


def _spent(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value} %"
