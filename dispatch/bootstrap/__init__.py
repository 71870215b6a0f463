"""The composition root: the only place that names concrete adapters.

`prepare`, `sign_ins` and `freeze` are what `dispatch45 up` calls around the life of the processes; `centre`, `web`
and `worker` are those processes. On SQLite one `centre` process is web, worker and tracking together (D11).
"""

from __future__ import annotations

from dispatch.bootstrap.installation import freeze, prepare, sign_ins
from dispatch.bootstrap.processes import centre, web, worker

__all__ = ["centre", "freeze", "prepare", "sign_ins", "web", "worker"]
