"""Recipients of alerts outside the pages, their channels, and who changed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dispatch.adapters.sql.columns import DOCUMENT, SERIAL, Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "alert_recipient",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        *map(_text, ("name", "username", "role", "centre_id", "language")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "alert_channel",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("recipient_id", SERIAL, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _text("label"),
        sa.Column("url", sa.Text(), nullable=False),
        _text("minimum"),
        sa.Column("codes", DOCUMENT, nullable=False),
        _text("quiet_from"),
        _text("quiet_to"),
        sa.ForeignKeyConstraint(["recipient_id"], ["alert_recipient.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_channel_recipient_id", "alert_channel", ["recipient_id"])
    op.create_table(
        "alert_change",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        _text("by"),
        _text("what"),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_change_at", "alert_change", ["at"])


def downgrade() -> None:
    for table in ("alert_change", "alert_channel", "alert_recipient"):
        op.drop_table(table)
