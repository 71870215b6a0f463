"""Password hashes: Argon2id with the library's recommended parameters (RFC 9106, low memory)."""

from __future__ import annotations

from argon2 import PasswordHasher

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """A salted hash to store."""
    return _hasher.hash(password)
