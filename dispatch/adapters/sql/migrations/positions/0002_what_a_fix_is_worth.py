"""Device time, odometer, moving; a fix of one time and place once; a partition a day on PostgreSQL.

No table can be made partitioned: the rows move to a new one. A fix that came twice becomes a `duplicate`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dispatch.adapters.sql.history import DAY_S, OTHER_DAYS, make_day

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = "entry, place, fix_time, received_time, device, lat, lon, speed_mps, course_deg"


def upgrade() -> None:
    connection = op.get_bind()
    postgresql = connection.dialect.name == "postgresql"
    op.drop_index("position_track", "position")
    op.rename_table("position", "position_before")
    once = sa.text("flag <> 'duplicate'")
    op.create_table(
        "position",
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("fix_time", sa.Double(), nullable=False),
        sa.Column("device_time", sa.Double(), nullable=False),
        sa.Column("received_time", sa.Double(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("lat", sa.Double()),
        sa.Column("lon", sa.Double()),
        sa.Column("speed_mps", sa.Double()),
        sa.Column("course_deg", sa.Double()),
        sa.Column("flag", sa.Text(), nullable=False),
        sa.Column("odometer_m", sa.Double()),
        sa.Column("moving", sa.Boolean()),
        sa.PrimaryKeyConstraint("entry", "place", "fix_time"),
        postgresql_partition_by="RANGE (fix_time)",
    )
    op.create_index(
        "position_once", "position", ["device", "fix_time", "lat", "lon"],
        unique=True, sqlite_where=once, postgresql_where=once,
    )  # fmt: skip
    if postgresql:
        op.execute(OTHER_DAYS)
        days = sa.text("SELECT DISTINCT floor(fix_time / :day) FROM position_before WHERE fix_time >= 0")
        for (day,) in connection.execute(days, {"day": DAY_S}).all():
            make_day(connection, int(day))
    for flag in ("flag", "'duplicate'"):
        op.execute(
            f"INSERT INTO position ({COLUMNS}, device_time, flag) SELECT {COLUMNS}, fix_time, {flag}"  # noqa: S608
            " FROM position_before WHERE true ON CONFLICT DO NOTHING"
        )
    op.drop_table("position_before")


def downgrade() -> None:
    raise NotImplementedError("what a fix is worth is not taken back: restore the backup")
