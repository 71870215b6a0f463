"""Password hashes: Argon2id with the least parameters that OWASP recommends (19 MiB, 2 passes, 1 lane)."""

from __future__ import annotations

from argon2 import PasswordHasher

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_password(password: str) -> str:
    """A salted hash to store."""
    return HASHER.hash(password)
