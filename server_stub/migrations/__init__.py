"""Alembic migrations, upgraded by server_stub.schema."""
