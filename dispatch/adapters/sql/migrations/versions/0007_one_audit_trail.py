"""Who changed the alerts stands in the audit trail, adoptions only grow, and a row says when it was first due.

Rows of before count from when they were made, as they did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dispatch.adapters.sql.append_only import guard
from dispatch.adapters.sql.columns import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE outbox RENAME COLUMN created_at TO first_due")
    op.execute(
        "INSERT INTO audit (at, by_role, by_id, action, subject, data)"
        " SELECT at, '', \"by\", what, subject, '{}' FROM alert_change ORDER BY id"
    )
    op.drop_table("alert_change")
    guard(op.get_bind(), "process_adoption")


def downgrade() -> None:
    for trigger in _triggers(op.get_bind().dialect.name):
        op.execute(f"DROP TRIGGER {trigger}")
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "alert_change",
        sa.Column("id", serial, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_change_at", "alert_change", ["at"])
    op.execute("ALTER TABLE outbox RENAME COLUMN first_due TO created_at")


def _triggers(dialect: str) -> list[str]:
    if dialect == "postgresql":
        return [f"process_adoption_{what} ON process_adoption" for what in ("append_only", "whole")]
    return [f"process_adoption_no_{act}" for act in ("update", "delete")]
