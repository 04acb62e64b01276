"""The night on disk: SQLite, every commit durable before the window shows it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.session.acceptance import Acceptance
from cpcs_desktop.session.night_frame import Decisions, FrameFacts, FrameState, NightFrame

#: History: 1 (2026-11) first version.
_VERSION = 1
_TABLES = """
CREATE TABLE frames (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL,
    state TEXT NOT NULL,
    decisions TEXT NOT NULL,
    facts TEXT NOT NULL,
    error TEXT,
    thumbnail BLOB NOT NULL DEFAULT x''
) STRICT;
CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    label TEXT NOT NULL,
    moves TEXT NOT NULL,
    point_id TEXT,
    revision INTEGER,
    effect TEXT CHECK (effect IN ('put', 'take')),
    undone INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


_STEP = "SELECT id, label, moves, point_id, revision, effect FROM steps WHERE undone = "
_NEWEST_DONE = _STEP + "0 ORDER BY id DESC LIMIT 1"
_OLDEST_UNDONE = _STEP + "1 ORDER BY id ASC LIMIT 1"
OutboxEffect = Literal["put", "take"]


@dataclass(frozen=True)
class Move:
    """What one step did to one row."""

    key: int
    before: Decisions
    after: Decisions


@dataclass(frozen=True)
class Step:
    """One command that can be undone.

    Parameters
    ----------
    id : int
    label : str
        What the command did, for the menu.
    moves : tuple of Move
    acceptance : Acceptance or None
        The point that the command put into the outbox or took out of it.
    effect : {"put", "take"} or None
    """

    id: int
    label: str
    moves: tuple[Move, ...]
    acceptance: Acceptance | None = None
    effect: OutboxEffect | None = None


class NightStore:
    """The file of the night; used by the thread that made it.

    Parameters
    ----------
    file : Path
        Made where absent.

    Raises
    ------
    CpcsError
        Code ``newer_session`` for a file of a newer program; ``unreadable`` for a damaged one.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None, timeout=10.0)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if version == 0:
                self._create()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise CpcsError(
                "unreadable",
                f"The file of the night {file} cannot be read: {error}.",
                "Move it away; the window then opens an empty night. The outbox is another file.",
            ) from error
        if version > _VERSION:
            self._db.close()
            raise CpcsError(
                "newer_session",
                f"The file of the night {file} was written by a newer program.",
                "Use that program, or move the file away.",
            )

    def _create(self) -> None:
        with self.transaction():
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it on disk, or nothing.

        Raises
        ------
        CpcsError
            Code ``disk_full`` when the disk does not take it.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled back already.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise CpcsError(
                "disk_full",
                f"The night cannot be written: {error}.",
                "Nothing was changed; make room on the disk of the profile and try again.",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # -- rows --------------------------------------------------------------------------------

    def frames(self) -> list[NightFrame]:
        """Return every row, those taken off the board too, in the order they came."""
        rows = self._db.execute(
            "SELECT key, path, state, decisions, facts, error, thumbnail FROM frames ORDER BY key"
        )
        return [
            NightFrame(
                key=key,
                path=path,
                state=FrameState(state),
                decisions=Decisions.from_json(json.loads(decisions)),
                facts=FrameFacts.from_json(json.loads(facts)),
                error=None if error is None else CpcsError(**json.loads(error)),
                thumbnail=thumbnail,
            )
            for key, path, state, decisions, facts, error, thumbnail in rows
        ]

    def add(self, paths: Iterable[str], decisions: Decisions) -> list[int]:
        """Make rows that were decided on alike, and return their keys."""
        text, keys = json.dumps(decisions.as_json()), []
        for path in paths:
            cursor = self._db.execute(
                "INSERT INTO frames (path, state, decisions, facts) VALUES (?, ?, ?, ?)",
                (path, FrameState.QUEUED, text, json.dumps({})),
            )
            keys.append(int(cursor.lastrowid or 0))
        return keys

    def save(self, frame: NightFrame) -> None:
        """Write one row."""
        error = None
        if frame.error is not None:
            error = json.dumps(frame.error.as_json() | {"found": frame.error.found})
        self._db.execute(
            "UPDATE frames SET state = ?, decisions = ?, facts = ?, error = ?, thumbnail = ? "
            "WHERE key = ?",
            (
                frame.state,
                json.dumps(frame.decisions.as_json()),
                json.dumps(asdict(frame.facts)),
                error,
                frame.thumbnail,
                frame.key,
            ),
        )

    # -- steps -------------------------------------------------------------------------------

    def push_step(
        self,
        label: str,
        moves: Iterable[Move],
        acceptance: Acceptance | None = None,
        effect: OutboxEffect | None = None,
    ) -> None:
        """Remember a command; what had been undone can no longer be redone."""
        # A folder dropped at once gives hundreds of rows the same decisions: written out once.
        texts: dict[int, dict[str, object]] = {}

        def text(decisions: Decisions) -> dict[str, object]:
            if id(decisions) not in texts:
                texts[id(decisions)] = decisions.as_json()
            return texts[id(decisions)]

        moves = list(moves)
        stored = [[m.key, text(m.before), text(m.after)] for m in moves]
        point, revision = _columns(acceptance)
        self._db.execute("DELETE FROM steps WHERE undone = 1")
        self._db.execute(
            "INSERT INTO steps (label, moves, point_id, revision, effect) VALUES (?, ?, ?, ?, ?)",
            (label, json.dumps(stored), point, revision, effect),
        )

    def next_step(self, *, undone: bool) -> Step | None:
        """Return the step that undo (``undone=False``) or redo (True) would take."""
        row = self._db.execute(_OLDEST_UNDONE if undone else _NEWEST_DONE).fetchone()
        if row is None:
            return None
        number, label, moves, point, revision, effect = row
        return Step(
            id=number,
            label=label,
            moves=tuple(
                Move(key, Decisions.from_json(before), Decisions.from_json(after))
                for key, before, after in json.loads(moves)
            ),
            acceptance=None if point is None else Acceptance(point, revision),
            effect=effect,
        )

    def next_label(self, *, undone: bool) -> str | None:
        """Return the words of that step alone: one that added 500 rows is long to read."""
        row = self._db.execute(_OLDEST_UNDONE if undone else _NEWEST_DONE).fetchone()
        return None if row is None else str(row[1])

    def mark_step(self, step: Step, *, undone: bool, acceptance: Acceptance | None) -> None:
        """Say that a step was undone or redone, and which revision lies in the outbox now."""
        self._db.execute(
            "UPDATE steps SET undone = ?, point_id = ?, revision = ? WHERE id = ?",
            (int(undone), *_columns(acceptance), step.id),
        )

    # -- small notes ---------------------------------------------------------------------------

    def note(self, name: str) -> str | None:
        """Return a small text kept with the night, such as the row last looked at."""
        row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_note(self, name: str, value: str) -> None:
        """Keep a small text with the night."""
        self._db.execute(
            "INSERT OR REPLACE INTO notes VALUES (?, ?)",
            (name, value),
        )


def _columns(acceptance: Acceptance | None) -> tuple[str | None, int | None]:
    return (None, None) if acceptance is None else (acceptance.point_id, acceptance.revision)
