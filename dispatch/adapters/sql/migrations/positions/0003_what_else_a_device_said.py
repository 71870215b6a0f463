"""Altitude, protocol and the other attributes of each fix; of those of before they are not known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind in (("altitude_m", sa.Double()), ("protocol", sa.Text()), ("attributes", sa.Text())):
        op.add_column("position", sa.Column(name, kind))


def downgrade() -> None:
    raise NotImplementedError("what devices said is not thrown away: restore the backup")
