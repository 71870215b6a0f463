"""The sheets of the days are made anew, with the time of every crew that had an order; nobody reads the former ones."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM day_sheet")
    op.execute("DELETE FROM installation WHERE name = 'day_sheets'")


def downgrade() -> None:
    upgrade()
