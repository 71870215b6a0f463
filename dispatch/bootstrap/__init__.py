"""The composition root: the only place that names concrete adapters.

`prepare`, `sidecar`, `sign_ins`, `first_token` and `freeze` are what `dispatch45 up` calls around the life of the processes; `centre`, `web`
and `worker` in `processes.py` are those processes, imported only where they run. On SQLite one `centre` process is web, worker and tracking together (D11).
"""

from __future__ import annotations

from dispatch.bootstrap.installation import first_token, freeze, prepare, sign_ins
from dispatch.bootstrap.telephone import sidecar

__all__ = ["first_token", "freeze", "prepare", "sidecar", "sign_ins"]
