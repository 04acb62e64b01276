"""The record behind a point, wherever it lies: a zip file, the outbox, or the server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.record_zip import read_record
from cpcs_desktop.sync.accepted import AcceptedRevision
from cpcs_desktop.sync.answers import BadAnswerError, RefusalError, UnreachableError
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.wire import PointSubmission, RevisionBody

Origin = Literal["file", "outbox", "server"]


@dataclass(frozen=True)
class Record:
    """A point with its evidence, where it was found, and who did what with it, when.

    Parameters
    ----------
    submission : PointSubmission
    origin : {"file", "outbox", "server"}
    accepted_at : float or None
        Unix time, s, of the acceptance on this machine.
    revisions : tuple of RevisionBody
        As the server tells them; empty when it was not asked or does not know.
    file : Path or None
        The zip file it was read from.
    """

    submission: PointSubmission
    origin: Origin
    accepted_at: float | None = None
    revisions: tuple[RevisionBody, ...] = ()
    file: Path | None = None


def record_of_file(file: Path) -> Record:
    """Read a record from its zip file; nothing is changed.

    Raises
    ------
    CpcsError
        ``unreadable``, ``bad_record``.
    """
    return Record(read_record(file), "file", file=file)


def find_record(
    outbox: Outbox,
    client: CpcsClient | None,
    point_id: str,
    revision: int | None = None,
    *,
    of_server: bool = False,
    history: bool = True,
) -> Record:
    """Return the record of a point: this machine's own, else the server's.

    Parameters
    ----------
    client : CpcsClient or None
        Without one only this machine is looked at.
    revision : int, optional
        Default the one that counts.
    of_server : bool
        The server's, also where this machine holds the same revision: in a conflict they differ.
    history : bool
        Ask the server for all revisions; a record is whole without its answer.

    Raises
    ------
    CpcsError
        ``no_such_point``, or why the server does not answer.
    """
    told = client if history else None
    found = None if of_server else _own(outbox, point_id, revision)
    if found is not None:
        return Record(found.submission, "outbox", found.accepted_at, _revisions(told, point_id))
    if client is None:
        raise CpcsError(
            "no_such_point",
            f"The outbox has no point {point_id}, and no server is set.",
            "Name a server in the settings, or list the ids with cpcs queue list.",
        )
    submission = client.get_point(point_id, revision)
    return Record(submission, "server", None, _revisions(told, point_id))


def _own(outbox: Outbox, point_id: str, revision: int | None) -> AcceptedRevision | None:
    try:
        if revision is None:
            return outbox.current(point_id)
    except CpcsError as unknown:
        if unknown.code != "no_such_point":
            raise
        return None
    kept = outbox.revisions(point_id)
    return next((k for k in kept if k.submission.point.revision == revision), None)


def _revisions(client: CpcsClient | None, point_id: str) -> tuple[RevisionBody, ...]:
    """Return what the server tells of a point, nothing where it does not answer with sense."""
    if client is None:
        return ()
    try:
        return client.get_revisions(point_id)
    except (UnreachableError, BadAnswerError, RefusalError):
        return ()
