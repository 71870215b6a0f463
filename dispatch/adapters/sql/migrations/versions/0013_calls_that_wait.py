"""What waits for a telephone call is found by its party: a call is prepared without a look at all that was ever sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WAITS = sa.text("kind = 'phone' AND state = 'pending' AND call_id = ''")


def upgrade() -> None:
    op.create_index(
        "outbox_to_ring", "outbox", ["centre_id", "target", "id"], sqlite_where=WAITS, postgresql_where=WAITS
    )


def downgrade() -> None:
    op.drop_index("outbox_to_ring", table_name="outbox")
