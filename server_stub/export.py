"""``cpcs-server export``: everything but keys, in files that any program can read."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server_stub.database import Database
from server_stub.tables import (
    AccessKeyRow,
    AuditRow,
    Base,
    EventRow,
    ObservatoryRow,
    PointDetailRow,
    PointRow,
    SourceFileRow,
)

#: Keys and logins stay at home; of a key only its public prefix and observatory are told.
TABLES: tuple[type[Base], ...] = (ObservatoryRow, EventRow, PointRow, AuditRow)
BATCH = 1000


def export(database: Database, file: Path) -> dict[str, int]:
    """Write a ZIP with one JSON Lines file a table, the evidence and the source lists.

    The ZIP appears under its name when it is whole.
    """
    counts: dict[str, int] = {}
    temporary = file.with_name(file.name + ".part")
    with (
        database.reading() as session,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for table in TABLES:
            name = table.__tablename__
            counts[name] = _write(archive, f"{name}.jsonl", _rows(session, table))
        keys = select(AccessKeyRow.id, AccessKeyRow.prefix, AccessKeyRow.observatory_id)
        _write(archive, "keys.jsonl", (dict(r) for r in session.execute(keys).mappings()))
        counts["details"] = _write(archive, "details.jsonl", _details(session))
        counts["source_files"] = 0
        for sha256 in session.scalars(select(SourceFileRow.sha256)).all():
            packed = session.scalar(
                select(SourceFileRow.packed).where(SourceFileRow.sha256 == sha256)
            )
            archive.writestr(f"source_files/{sha256}", gzip.decompress(packed or b""))
            counts["source_files"] += 1
    os.replace(temporary, file)  # noqa: PTH105  the one call that replaces at once
    return counts


def _write(archive: zipfile.ZipFile, name: str, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with archive.open(name, "w", force_zip64=True) as lines:
        for row in rows:
            lines.write((json.dumps(row, default=_plain, ensure_ascii=False) + "\n").encode())
            count += 1
    return count


def _rows(session: Session, table: type[Base]) -> Iterator[dict[str, Any]]:
    columns = table.__table__.columns
    statement = select(*columns).order_by(*table.__table__.primary_key)
    result = session.execute(statement.execution_options(yield_per=BATCH))
    return (dict(row) for row in result.mappings())


def _details(session: Session) -> Iterator[dict[str, Any]]:
    statement = select(
        PointDetailRow.point_id,
        PointDetailRow.body,
        PointDetailRow.file_name,
        PointDetailRow.source_file,
        PointDetailRow.uploaded_file,
        PointDetailRow.evidence,
    ).order_by(PointDetailRow.point_id)
    for row in session.execute(statement.execution_options(yield_per=BATCH)).mappings():
        packed = row["evidence"]
        evidence = None if packed is None else json.loads(gzip.decompress(packed))
        yield {**row, "evidence": evidence}


def _plain(value: Any) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
