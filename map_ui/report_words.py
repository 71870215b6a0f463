"""What the one-file report calls what it counts: the words that the pages have for the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dispatch.services.context import Context
from dispatch.services.words import titled, word, words
from map_ui.languages import translate

Named = Callable[[str, str], str]
"""Of a dimension and a code in it: what people call it."""
OF_WORDS = {"owner": "owners", "trade": "trades", "state": "states"}
"""Dimensions whose words the product has."""


def dimensions(language: str) -> dict[str, str]:
    """What can be filtered by."""

    def _(text: str) -> str:
        return translate(language, text)

    return {
        "centre": _("Repair centre"), "crew": _("Crew"), "trade": _("Trade"), "area": _("Area"), "fault": _("Kind of fault"),
        "cause": _("Cause"), "state": _("State"), "hour": _("Hour"), "day": _("Day"),
    }  # fmt: skip


def names(context: Context, language: str) -> Named:
    """How every code is called; what has none yet, says so."""
    known, nothing = _known(context, language), _nothing(language)

    def named(kind: str, code: str) -> str:
        return known.get(kind, {}).get(code) or code or nothing.get(kind, "–")

    return named


def _known(context: Context, language: str) -> dict[str, dict[str, str]]:
    def _(text: str) -> str:
        return translate(language, text)

    def said(titles: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        return {code: titled(title, language, code) for code, title in titles.items()}

    process, directory = context.processes.by_id[context.processes.current], context.directory
    owned = {i: {"zh": one.name_zh or one.name, "en": one.name} for i, one in directory.centres.items()}
    crews = {i: {"zh": one.name_zh or one.name, "en": one.name} for i, one in directory.crews.items()}
    return {
        "segment": said({one.name: one.title for one in process.segments}), "fault": said(process.fault_types),
        "centre": said(owned), "crew": said(crews),
        "area": {"urban": _("Urban"), "rural": _("Rural"), "remote": _("Remote")},
        "watch": {
            "hotline": _("Watch on the hotline"), "centre": _("Watch on the repair centre"),
            "hand": _("Watch on the dispatcher"), "crew": _("Watch on the crew"),
        },
        "hour": {f"{n:02}": _("{hour} h").format(hour=f"{n:02}") for n in range(24)},
        **{kind: {code: word(of, code, language) for code in words()[of]} for kind, of in OF_WORDS.items()},
    }  # fmt: skip


def _nothing(language: str) -> dict[str, str]:
    """What has no code."""

    def _(text: str) -> str:
        return translate(language, text)

    return {
        "centre": _("No centre yet"), "crew": _("No crew yet"), "trade": _("No trade yet"), "cause": _("Not recorded"),
    }  # fmt: skip
