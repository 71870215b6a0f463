"""Orders have the indexes that are asked by: each of them is written again with every step of an order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

GONE = ("state", "centre_id", "is_open", "is_removing")


def upgrade() -> None:
    for name in GONE:
        op.drop_index(f"ix_work_order_{name}", table_name="work_order")
    op.create_index(
        "work_order_removing", "work_order", ["id"],
        sqlite_where=sa.text("is_removing = 1"), postgresql_where=sa.text("is_removing"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("work_order_removing", table_name="work_order")
    for name in GONE:
        op.create_index(f"ix_work_order_{name}", "work_order", [name])
