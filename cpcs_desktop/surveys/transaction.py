"""Changes to a catalogue's folder that happen whole or not at all.

New files are written beside the catalogue, flushed to the disk, and listed in a journal; only then
are they renamed into place, the list of pixels last. A program killed before the journal leaves the
old catalogue; killed after it, the next one to open the catalogue finishes the renaming. A lock per
survey, which the operating system drops with its process, keeps writers apart; readers need none.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.places import is_remote, refuse_remote

_JOURNAL = "journal.json"
LOCK_TIMEOUT_S = 120.0


def _staging_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.staging")


class Transaction:
    """Staged changes of one catalogue; made by :func:`changing`.

    Parameters
    ----------
    folder : Path
        The catalogue.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staging = _staging_of(folder)
        self._moves: list[str] = []
        self._deletes: list[str] = []

    def stage(self, relative: str) -> Path:
        """Return where to write the new version of a file; renamed in the order of these calls."""
        if relative in self._moves:
            self._moves.remove(relative)
        self._moves.append(relative)
        path = self.staging / "files" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def delete(self, relative: str) -> None:
        """Remove a file once everything else is in place."""
        self._deletes.append(relative)

    def commit(self) -> None:
        """Make the changes the catalogue's own."""
        for relative in self._moves:
            _flush(self.staging / "files" / relative)
        journal = self.staging / _JOURNAL
        temporary = journal.with_suffix(".tmp")
        temporary.write_text(
            json.dumps({"moves": self._moves, "deletes": self._deletes}), encoding="utf-8"
        )
        _flush(temporary)
        replace_file(temporary, journal)
        _flush_folder(self.staging)
        _finish(self.folder)


@contextlib.contextmanager
def changing(folder: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[Transaction]:
    """Lock a catalogue, finish what a killed program left, and open a transaction.

    Nothing is changed unless the body calls :meth:`Transaction.commit`.

    Raises
    ------
    CpcsError
        Code ``busy`` when another program holds the lock too long, ``disk_full`` or
        ``unwritable`` when the disk refuses.
    """
    try:
        with locked(folder, timeout_s):
            recover_locked(folder)
            transaction = Transaction(folder)
            try:
                yield transaction
            finally:
                if not (transaction.staging / _JOURNAL).exists():
                    shutil.rmtree(transaction.staging, ignore_errors=True)
    except OSError as error:
        raise disk_error(folder, error) from error


@contextlib.contextmanager
def locked(folder: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Hold the lock of a catalogue.

    Raises
    ------
    CpcsError
        Code ``busy``.
    """
    from filelock import FileLock, Timeout

    refuse_remote(folder)

    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=timeout_s, poll_interval=0.02)
    except Timeout:
        raise CpcsError(
            "busy",
            f"Another program is changing the survey {folder.name}.",
            "Wait until it has finished, then try again.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def recover(folder: Path) -> None:
    """Finish a renaming that a killed program left; does nothing while somebody holds the lock."""
    if is_remote(folder):
        return
    if not (_staging_of(folder) / _JOURNAL).exists():
        return
    with contextlib.suppress(CpcsError, PermissionError), locked(folder, timeout_s=0.0):
        recover_locked(folder)


def recover_locked(folder: Path) -> None:
    """Finish or forget what a killed program left; the caller holds the lock."""
    staging = _staging_of(folder)
    if (staging / _JOURNAL).exists():
        _finish(folder)
    elif staging.exists():
        shutil.rmtree(staging, ignore_errors=True)
    for removed in folder.parent.glob(f".{folder.name}.removed-*"):
        shutil.rmtree(removed, ignore_errors=True)


def remove_catalogue(folder: Path) -> None:
    """Remove a catalogue: it vanishes in one step, its files after that."""
    with locked(folder):
        recover_locked(folder)
        if folder.exists():
            aside = folder.with_name(f".{folder.name}.removed-{os.getpid()}-{time.time_ns()}")
            replace_file(folder, aside)
            shutil.rmtree(aside, ignore_errors=True)


def _finish(folder: Path) -> None:
    """Carry out the journal; may be repeated after a crash at any point."""
    staging = _staging_of(folder)
    journal = json.loads((staging / _JOURNAL).read_text(encoding="utf-8"))
    folders = {folder}
    for relative in journal["moves"]:
        source, target = staging / "files" / relative, folder / relative
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(source, target)
            folders.add(target.parent)
    for relative in journal["deletes"]:
        (folder / relative).unlink(missing_ok=True)
    for changed in folders:
        _flush_folder(changed)
    (staging / _JOURNAL).unlink()
    shutil.rmtree(staging, ignore_errors=True)


def replace_file(source: Path, target: Path) -> None:
    """Rename; on Windows wait a moment for a reader that has the target open."""
    for attempt in range(20):
        try:
            source.replace(target)
        except PermissionError:
            if attempt == 19 or os.name != "nt":
                raise
            time.sleep(0.05)
        else:
            return


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows has no way to flush a folder
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def disk_error(path: Path, error: OSError) -> CpcsError:
    """Return the sentence for a disk that refuses; nothing has been changed."""
    if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}:
        return CpcsError(
            "disk_full",
            f"The disk of {path.parent} is full.",
            "Free some space or remove a survey; everything is as it was before.",
        )
    return CpcsError(
        "unwritable",
        f"{path.parent} cannot be written: {error.strerror or error}.",
        "Check its permissions, or name another folder.",
    )
