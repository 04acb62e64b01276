"""What a batch has finished, on disk at once, so that an interrupted run goes on where it was.

JSON lines, one an input, keyed by the content of the file and held in a file of the job's digest.
A last line that was torn by a power cut is cut off.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from filelock import FileLock, Timeout

from cpcs_desktop.batch.one_input import Answer, Finished
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from cpcs_desktop.batch.inputs import Input
    from cpcs_desktop.batch.options import Job

KEPT_DAYS = 30.0


class Journal:
    """Finished inputs of one job.

    Parameters
    ----------
    folder : Path
        Holds one file a job; made when missing. Those untouched for 30 days are removed.
    job : Job
    resume : bool
        False forgets what an earlier run of the same job finished.

    Raises
    ------
    CpcsError
        ``busy`` when another run of the same job is going on, ``unwritable``.
    """

    def __init__(self, folder: Path, job: Job, *, resume: bool) -> None:
        self.path = folder / f"{job.digest()}.jsonl"
        self._lock = FileLock(self.path.with_suffix(".lock"), timeout=0)
        self._places: dict[bytes, int] = {}
        self._stamps: set[tuple[str, int, int]] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            _prune(folder, self.path)
            self._file = self.path.open("r+b" if self.path.exists() else "w+b")
            if not resume:
                self._file.truncate(0)
            self._end = self._learn()
            self._file.truncate(self._end)
            self._earlier = len(self._places)
        except Timeout:
            raise CpcsError(
                "busy",
                "Another run with the same options is going on.",
                "Wait for it, or end it; what it has finished is kept.",
            ) from None
        except OSError as error:
            self._lock.release()
            raise CpcsError(
                "unwritable",
                f"The journal of this run cannot be kept in {folder}: {error.strerror}.",
                "Name a folder that can be written to: --profile DIR.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Return how many inputs earlier runs had finished."""
        return self._earlier

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._lock.release()

    def contents(self) -> set[bytes]:
        """Return the SHA-256 of everything that was finished."""
        return {bytes.fromhex(key[:64].decode()) for key in self._places}

    def has_seen(self, path: Path, size: int, mtime_ns: int) -> bool:
        """Say whether a watched file was finished as it is now, without reading it."""
        return (str(path), size, mtime_ns) in self._stamps

    def find(self, item: Input) -> Finished | None:
        """Return what was finished of this very content under this name, None for nothing."""
        if not self._earlier or item.error is not None:
            return None
        from cpcs_desktop.io.opening import file_sha256

        try:
            digest = file_sha256(item.file)
        except CpcsError:
            return None
        place = self._places.get(_key(item, digest))
        if place is None:
            return None
        self._file.seek(place)
        entry = json.loads(self._file.readline())
        answers = (Answer(**answer) for answer in entry["answers"])
        old = str(entry["path"])
        return Finished(digest, tuple(_renamed(a, old, item.typed) for a in answers))

    def add(self, item: Input, finished: Finished) -> None:
        """Keep what was finished; it is with the system when this returns.

        What could not be read at all has no content to be known by, and a frame that killed its
        worker or met a fault of ours may fare better next time: neither is kept.
        """
        if finished.sha256 is None:
            return
        entry: dict[str, Any] = {
            "key": _key(item, finished.sha256).decode(),
            "path": item.typed,
            "answers": [asdict(answer) for answer in finished.answers],
        }
        if item.stamp is not None:
            entry["seen"] = [str(item.file), *item.stamp]
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        self._file.seek(self._end)
        self._file.write(line)
        self._file.flush()
        self._places[_key(item, finished.sha256)] = self._end
        self._end += len(line)

    def _learn(self) -> int:
        """Read the places of all whole lines; return where they end."""
        end = 0
        self._file.seek(0)
        for line in self._file:
            try:
                entry = json.loads(line) if line.endswith(b"\n") else {}
                key = entry["key"]
                if "seen" in entry:
                    file, size, mtime_ns = entry["seen"]
                    self._stamps.add((file, size, mtime_ns))
            except (ValueError, KeyError, TypeError):
                break  # torn: what follows was never whole
            self._places[str(key).encode()] = end
            end += len(line)
        return end


def _key(item: Input, sha256: str) -> bytes:
    # the name is part of it: sentences about failures contain it
    return f"{sha256}:{item.hdu}:{item.file.name}".encode()


def _renamed(answer: Answer, old: str, new: str) -> Answer:
    """Return the answer under the path that was typed this time."""
    if old == new:
        return answer
    line = {**json.loads(answer.line), "path": new}
    text = json.dumps(line, allow_nan=False, ensure_ascii=False)
    return replace(answer, line=text, sentence=new + answer.sentence.removeprefix(old))


def _prune(folder: Path, ours: Path) -> None:
    oldest = time.time() - KEPT_DAYS * 86400.0
    for file in folder.glob("*.jsonl"):
        if file != ours and file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
            file.with_suffix(".lock").unlink(missing_ok=True)
