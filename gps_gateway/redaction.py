"""Secrets that people write into requests: what is shown, logged or stored of a request has none of them. Pure.

Found by the name before them: values of an unknown form cannot be told from others.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

HIDDEN = "***"

_WORDS = "passw(or)?d|passwd|passphrase|passcode|secret|token|api_?key|authorization|auth_?code|credentials?|signature|cookie"
_SECRET = re.compile(rf".*({_WORDS})|pass|pwd|pw|key|auth|code|pin|sig|sign|session", re.IGNORECASE)
_FIELD = re.compile(r"(?<![^\s?&;])([^\s=&?;]+)=([^\s&;]*)")
_MEMBER = re.compile(r'("((?:[^"\\]|\\.)*)"\s*:\s*)("(?:[^"\\]|\\.)*"?|\[[^\]]*\]?|[^\s,\[\]{}]+)')


def secret(name: str) -> bool:
    """Whether a field of this name holds what nobody else may read."""
    return _SECRET.fullmatch(name.replace("-", "_")) is not None


def hidden(text: str) -> str:
    """A query, a form or JSON, whole or cut off, with *** in place of each secret."""
    text = _MEMBER.sub(lambda m: f'{m[1]}"{HIDDEN}"' if secret(m[2]) else m[0], text)
    return _FIELD.sub(lambda m: f"{m[1]}={HIDDEN}" if secret(unquote_plus(m[1])) else m[0], text)
