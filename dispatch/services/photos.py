"""Photos that a crew takes at an order: which files are taken for one, how many, and the line in the order's history.

The file is kept first, under the SHA-256 of its content; the line that names it is committed after. So a line never names a
photo that is not there, and a photo sent twice is one file and one line.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

from dispatch.core.errors import BadInput, GuardRefused, NotFound
from dispatch.core.types import Actor
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Crew, Loaded
from dispatch.services.steps import Draft

PHOTO = "photo"
"""The remark in an order's history."""
LARGEST = 2 * 1024 * 1024
"""Bytes of one photo: the phone's page sends a few hundred kilobytes."""
MOST = 12
"""Photos of one order."""
_SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class Photos(Protocol):
    """Where the files are."""

    async def keep(self, order_id: str, name: str, content: bytes) -> None:
        """Durable when it returns; the same again changes nothing."""
        ...

    async def read(self, order_id: str, name: str) -> bytes:
        """The file. Raises NotFound."""
        ...


def kind_of(content: bytes) -> str:
    """The media type that the first bytes say, whatever the sender says. Raises BadInput where it is no photo."""
    for signature, kind in _SIGNATURES.items():
        if content.startswith(signature):
            return kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    raise BadInput("a photo is expected: JPEG, PNG or WebP", field="photo")


async def add(
    context: Context,
    photos: Photos,
    order_id: str,
    content: bytes,
    *,
    crew: Crew,
    by: Actor,
    at: datetime | None,
    key: str,
    **data: Any,
) -> WorkOrder:
    """Keep one photo of an order that the crew has or had. Raises BadInput, GuardRefused where there are MOST."""
    kind, name = kind_of(content), sha256(content).hexdigest()[:32]

    def fits(order: WorkOrder) -> bool:
        """Whether it is new; refused where it is one too many."""
        if order.has_key(key) or any(one["photo"] == name for one in of(order)):
            return False
        if len(of(order)) >= MOST:
            raise GuardRefused(f"order {order.id} has {MOST} photos", guard="photos", why="photos")
        return True

    def look(loaded: Loaded, now: datetime) -> Changes[bool]:
        return Changes(fits(loaded.order(order_id)))

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        order = draft.order(order_id)
        if fits(order):
            facts = {"photo": name, "kind": kind, "bytes": len(content), "crew_id": crew.id, **data}
            order = draft.remark(order_id, PHOTO, by=by, at=at, data=facts, key=key)
        return draft.changes(order)

    if await context.store.transact(look):
        await photos.keep(order_id, name, content)
    return await context.store.transact(decide)


def of(order: WorkOrder, taken_by: str = "") -> list[dict[str, Any]]:
    """The photos of an order, or those of one crew, the oldest first: `{photo, kind, bytes, crew_id, ...}`."""
    found = [dict(e.data) for e in order.history if e.kind == PHOTO]
    return [one for one in found if taken_by in {"", one["crew_id"]}]


async def read(photos: Photos, order: WorkOrder, name: str, taken_by: str = "") -> tuple[bytes, str]:
    """A photo that the order's history names (of this crew, if one is named), and its media type. Raises NotFound."""
    kind = next((str(one["kind"]) for one in of(order, taken_by) if one["photo"] == name), "")
    if not kind:
        raise NotFound(f"order {order.id} has no photo {name!r}", order=order.id)
    return await photos.read(order.id, name), kind
