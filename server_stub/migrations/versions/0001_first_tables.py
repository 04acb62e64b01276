"""first tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go up."""
    op.create_table(
        "observatories",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("altitude_m", sa.Double(), nullable=True),
        sa.Column("aperture_m", sa.Double(), nullable=True),
        sa.Column("cameras", sa.JSON(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("n_points", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observatories")),
        sa.UniqueConstraint("name", name=op.f("uq_observatories_name")),
    )
    op.create_table(
        "source_files",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_source_files")),
    )
    op.create_table(
        "access_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prefix", sa.String(length=8), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("observatory_id", sa.Integer(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("allow_upload", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["observatory_id"],
            ["observatories.id"],
            name=op.f("fk_access_keys_observatory_id_observatories"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_access_keys_prefix")),
    )
    op.create_table(
        "access_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("observatory_name", sa.String(length=200), nullable=False),
        sa.Column("contact", sa.String(length=200), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=20), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["answered_by"],
            ["access_keys.id"],
            name=op.f("fk_access_requests_answered_by_access_keys"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_requests")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["access_keys.id"], name=op.f("fk_audit_key_id_access_keys")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ivorn", sa.String(length=200), nullable=False),
        sa.Column("ra", sa.Double(), nullable=True),
        sa.Column("dec", sa.Double(), nullable=True),
        sa.Column("x", sa.Double(), nullable=True),
        sa.Column("y", sa.Double(), nullable=True),
        sa.Column("z", sa.Double(), nullable=True),
        sa.Column("published", sa.DateTime(timezone=True), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=True),
        sa.Column("wanted_bands", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("n_followup", sa.Integer(), nullable=False),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by"], ["access_keys.id"], name=op.f("fk_events_created_by_access_keys")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["events.id"], name=op.f("fk_events_merged_into_id_events")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("ivorn", name=op.f("uq_events_ivorn")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_dec"), ["dec"], unique=False)
        batch_op.create_index("ix_events_published_id", ["published", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_events_updated_at"), ["updated_at"], unique=False)

    op.create_table(
        "logins",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("form_token", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["access_keys.id"], name=op.f("fk_logins_key_id_access_keys")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_logins")),
    )
    with op.batch_alter_table("logins", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_logins_key_id"), ["key_id"], unique=False)

    op.create_table(
        "pending_uploads",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["access_keys.id"], name=op.f("fk_pending_uploads_key_id_access_keys")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_pending_uploads")),
    )
    with op.batch_alter_table("pending_uploads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pending_uploads_key_id"), ["key_id"], unique=False)

    op.create_table(
        "points",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("observatory_id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=11), nullable=False),
        sa.Column("mjd", sa.Double(), nullable=False),
        sa.Column("exposure_s", sa.Double(), nullable=True),
        sa.Column("band", sa.String(length=60), nullable=False),
        sa.Column("mag", sa.Double(), nullable=False),
        sa.Column("mag_err", sa.Double(), nullable=True),
        sa.Column("mag_err_total", sa.Double(), nullable=True),
        sa.Column("calib_err", sa.Double(), nullable=True),
        sa.Column("magnitude_kind", sa.String(length=4), nullable=True),
        sa.Column("n_matched", sa.Integer(), nullable=True),
        sa.Column("implausible", sa.Boolean(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Integer(), nullable=True),
        sa.Column("withdraw_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("kind in ('DETECTION', 'UPPER_LIMIT')", name=op.f("ck_points_kind")),
        sa.CheckConstraint(
            "state in ('current', 'superseded', 'withdrawn')", name=op.f("ck_points_state")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_points_event_id_events")
        ),
        sa.ForeignKeyConstraint(
            ["key_id"], ["access_keys.id"], name=op.f("fk_points_key_id_access_keys")
        ),
        sa.ForeignKeyConstraint(
            ["observatory_id"],
            ["observatories.id"],
            name=op.f("fk_points_observatory_id_observatories"),
        ),
        sa.ForeignKeyConstraint(
            ["withdrawn_by"], ["access_keys.id"], name=op.f("fk_points_withdrawn_by_access_keys")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points")),
        sa.UniqueConstraint("uuid", "revision", name=op.f("uq_points_uuid_revision")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("points", schema=None) as batch_op:
        batch_op.create_index("ix_points_event_id_change", ["event_id", "change"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_points_observatory_id"), ["observatory_id"], unique=False
        )
        batch_op.create_index("ix_points_stored_at", ["stored_at"], unique=False)

    op.create_table(
        "plots",
        sa.Column("point_id", sa.Integer(), nullable=False),
        sa.Column("band", sa.String(length=60), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["point_id"], ["points.id"], name=op.f("fk_plots_point_id_points")),
        sa.PrimaryKeyConstraint("point_id", "band", name=op.f("pk_plots")),
    )
    op.create_table(
        "point_details",
        sa.Column("point_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=True),
        sa.Column("source_file", sa.String(length=64), nullable=True),
        sa.Column("uploaded_file", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["point_id"], ["points.id"], name=op.f("fk_point_details_point_id_points")
        ),
        sa.ForeignKeyConstraint(
            ["source_file"],
            ["source_files.sha256"],
            name=op.f("fk_point_details_source_file_source_files"),
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_file"],
            ["source_files.sha256"],
            name=op.f("fk_point_details_uploaded_file_source_files"),
        ),
        sa.PrimaryKeyConstraint("point_id", name=op.f("pk_point_details")),
    )
    with op.batch_alter_table("point_details", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_point_details_source_file"), ["source_file"], unique=False
        )


def downgrade() -> None:
    """Go down."""
    with op.batch_alter_table("point_details", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_point_details_source_file"))

    op.drop_table("point_details")
    op.drop_table("plots")
    with op.batch_alter_table("points", schema=None) as batch_op:
        batch_op.drop_index("ix_points_stored_at")
        batch_op.drop_index(batch_op.f("ix_points_observatory_id"))
        batch_op.drop_index("ix_points_event_id_change")

    op.drop_table("points")
    with op.batch_alter_table("pending_uploads", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pending_uploads_key_id"))

    op.drop_table("pending_uploads")
    with op.batch_alter_table("logins", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_logins_key_id"))

    op.drop_table("logins")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_events_updated_at"))
        batch_op.drop_index("ix_events_published_id")
        batch_op.drop_index(batch_op.f("ix_events_dec"))

    op.drop_table("events")
    op.drop_table("audit")
    op.drop_table("access_requests")
    op.drop_table("access_keys")
    op.drop_table("source_files")
    op.drop_table("observatories")
