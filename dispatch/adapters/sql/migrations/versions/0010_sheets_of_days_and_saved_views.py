"""The manager's desk: measured orders by local day, and the filters that people keep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dispatch.adapters.sql.columns import DOCUMENT, SERIAL

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_sheet",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    op.create_index("ix_day_sheet_running", "day_sheet", ["running"])
    if op.get_bind().dialect.name == "postgresql":  # its own compression costs more than it saves here
        op.execute("ALTER TABLE day_sheet ALTER COLUMN numbers SET STORAGE EXTERNAL")
    op.create_table(
        "saved_view",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", DOCUMENT, nullable=False),
        sa.Column("every", sa.String(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("channels", DOCUMENT, nullable=False),
        sa.Column("sent_for", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("username", "name"),
    )


def downgrade() -> None:
    op.drop_table("saved_view")
    op.drop_table("day_sheet")
