"""By which call a number was last rung: one that is asked for again knows itself from another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dial") as batch_op:
        batch_op.add_column(sa.Column("call_id", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("dial") as batch_op:
        batch_op.alter_column("call_id", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("dial") as batch_op:
        batch_op.drop_column("call_id")
