"""Alerts are found by their code: the messages between crews and centres are among them."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("alert_code_id", "alert", ["code", "id"])


def downgrade() -> None:
    op.drop_index("alert_code_id", "alert")
