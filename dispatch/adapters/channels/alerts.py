"""Alerts outside the pages, through Apprise: e-mail, webhooks, chat services."""

from __future__ import annotations

from collections import defaultdict

import apprise

from dispatch.core.errors import BadInput, Unavailable


class AppriseAlerts:
    """Tells a role on whatever addresses are configured for it; without any, the page's alert is all."""

    def __init__(self, addresses: str) -> None:
        """`addresses`: `role=url` separated by spaces, several for one role allowed. Raises BadInput."""
        self._by_role: dict[str, apprise.Apprise] = defaultdict(apprise.Apprise)
        for word in addresses.split():
            role, _, url = word.partition("=")
            if not url or not self._by_role[role].add(url):
                raise BadInput(f"alert address for {role!r} cannot be used; expected role=scheme://…")

    async def tell(self, role: str, title: str, body: str) -> str:
        if role not in self._by_role:
            return "in the pages"
        channel = self._by_role[role]
        if not await channel.async_notify(title=title, body=body):
            raise Unavailable(f"an alert to {role} was not taken by every service")
        return f"in the pages and by {len(channel)} service(s)"
