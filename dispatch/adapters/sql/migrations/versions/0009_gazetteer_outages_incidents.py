"""The utility's own addresses, planned outages, and the orders of an incident found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from dispatch.adapters.sql.columns import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    document = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.create_table(
        "gazetteer",
        sa.Column("id", serial, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "planned_outages",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("territory", sa.String(), nullable=False),
        sa.Column("polygon", document, nullable=False),
        sa.Column("addresses", document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_planned_outages_ends_at", "planned_outages", ["ends_at"])
    op.create_index("ix_work_order_incident_id", "work_order", ["incident_id"])


def downgrade() -> None:
    op.drop_index("ix_work_order_incident_id", "work_order")
    op.drop_table("planned_outages")
    op.drop_table("gazetteer")
