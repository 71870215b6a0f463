"""The position history as the first installations made it, without a version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "position",
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("fix_time", sa.Double(), nullable=False),
        sa.Column("received_time", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("speed_mps", sa.Double()),
        sa.Column("course_deg", sa.Double()),
        sa.Column("flag", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry", "place"),
        if_not_exists=True,
    )
    op.create_index("position_track", "position", ["device", "fix_time"], if_not_exists=True)


def downgrade() -> None:
    op.drop_table("position")
