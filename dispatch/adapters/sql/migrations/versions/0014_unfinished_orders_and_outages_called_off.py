"""Orders that are not finished, and alerts that nobody has acknowledged, have indexes; planned outages are called off."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dispatch.adapters.sql.columns import Instant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SHIPPED = ("closed", "cancelled")
"""The final states of a definition whose text was not kept yet."""


def upgrade() -> None:
    # Most orders are final: those that are not are looked for, and the others are not written again.
    op.add_column("work_order", sa.Column("is_final", sa.Boolean(), nullable=False, server_default=sa.true()))
    _mark_the_unfinished()
    op.create_index(
        "work_order_unfinished", "work_order", ["reported_at"],
        sqlite_where=sa.text("is_final = 0"), postgresql_where=sa.text("NOT is_final"),
    )  # fmt: skip
    missing = sa.text("acknowledged_at IS NULL")
    op.create_index("alert_unacknowledged", "alert", ["id"], sqlite_where=missing, postgresql_where=missing)
    op.add_column("planned_outages", sa.Column("called_off_at", Instant(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":  # SQLite would copy all orders for it
        op.alter_column("work_order", "is_final", server_default=None)


def _mark_the_unfinished() -> None:
    connection = op.get_bind()
    order = sa.table(
        "work_order", sa.column("process"), sa.column("state"), sa.column("is_final", sa.Boolean)
    )
    for process in connection.execute(sa.select(order.c.process).distinct()).scalars().all():
        mine = sa.and_(order.c.process == process, order.c.state.not_in(_final(connection, process)))
        connection.execute(sa.update(order).where(mine).values(is_final=False))


def _final(connection: sa.Connection, process: str) -> Sequence[str]:
    installation = sa.table("installation", sa.column("name"), sa.column("value"))
    kept = sa.select(installation.c.value).where(installation.c.name == f"process/{process}")
    text = connection.execute(kept).scalar()
    return tomllib.loads(text)["process"]["final"] if text else SHIPPED


def downgrade() -> None:
    op.drop_column("planned_outages", "called_off_at")
    op.drop_index("alert_unacknowledged", "alert")
    op.drop_index("work_order_unfinished", "work_order")
    op.drop_column("work_order", "is_final")
