"""An alert has a cause, and says by what it was settled when that has ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What was told before has no cause: it stays until somebody acknowledges it, as it did.
    op.add_column("alert", sa.Column("cause", sa.String(), nullable=False, server_default=""))
    op.add_column("alert", sa.Column("settled", sa.String(), nullable=False, server_default=""))
    missing = sa.text("acknowledged_at IS NULL")
    op.create_index("alert_open_cause", "alert", ["cause"], sqlite_where=missing, postgresql_where=missing)
    if op.get_bind().dialect.name == "postgresql":  # SQLite would copy all alerts for it
        op.alter_column("alert", "cause", server_default=None)
        op.alter_column("alert", "settled", server_default=None)


def downgrade() -> None:
    op.drop_index("alert_open_cause", "alert")
    op.drop_column("alert", "settled")
    op.drop_column("alert", "cause")
