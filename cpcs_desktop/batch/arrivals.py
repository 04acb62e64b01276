"""Which files of a watched folder have come to rest; no threads, no clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cpcs_desktop.batch.inputs import SUFFIXES
from cpcs_desktop.batch.wholeness import is_whole

#: A file that has not changed for so long and still does not open whole is given on as it is:
#: its error is worth more than waiting for ever, s.
GIVE_UP_S = 120.0

Stamp = tuple[int, int]


@dataclass
class _Waiting:
    stamp: Stamp
    since: float


class Arrivals:
    """Candidates of a folder, until each is whole and new.

    A file is given on once its size and time have been quiet for a while and it opens whole; once
    for every content, whatever its name.

    Parameters
    ----------
    quiet_s : float
        How long size and time must stay the same.
    done : callable, optional
        Says of a path, size and time (ns) whether it was dealt with in an earlier run.
    contents : iterable of bytes
        SHA-256 of files that were dealt with.
    suffixes : tuple of str
        Lower-case ends of the names that are looked at.
    """

    def __init__(
        self,
        quiet_s: float = 2.0,
        done: Callable[[Path, int, int], bool] | None = None,
        contents: Iterable[bytes] = (),
        suffixes: tuple[str, ...] = SUFFIXES,
    ) -> None:
        self._quiet_s = quiet_s
        self._done = done
        self._suffixes = suffixes
        self._waiting: dict[Path, _Waiting] = {}
        self._given: dict[Path, Stamp] = {}
        self._contents = set(contents)

    @property
    def waiting(self) -> int:
        """How many files have not come to rest yet."""
        return len(self._waiting)

    def heard_of(self, path: Path, now: float) -> None:
        """Note that a file may be new or may have changed."""
        name = path.name.lower()
        if name.startswith(".") or not name.endswith(self._suffixes):
            return
        stamp = stamp_of(path)
        if stamp is None or self._given.get(path) == stamp:
            return
        known = self._waiting.get(path)
        if known is not None and known.stamp == stamp:
            return
        if known is None and self._done is not None and self._done(path, *stamp):
            self._given[path] = stamp
            return
        self._waiting[path] = _Waiting(stamp, now)

    def skip(self, path: Path) -> None:
        """Take a file for dealt with as it is now."""
        stamp = stamp_of(path)
        if stamp is not None:
            self._given[path] = stamp

    def at_rest(self, now: float) -> Iterator[Path]:
        """Yield the files that have become whole, oldest first, each as soon as it is known."""
        quiet = []
        for path, entry in list(self._waiting.items()):
            stamp = stamp_of(path)
            if stamp is None:  # renamed or removed: its new name is heard of by itself
                del self._waiting[path]
            elif stamp != entry.stamp:
                self._waiting[path] = _Waiting(stamp, now)
            elif now - entry.since >= self._quiet_s and stamp[0] > 0:
                quiet.append((stamp[1], path))
        for _, path in sorted(quiet):
            waited = now - self._waiting[path].since
            if (waited >= GIVE_UP_S or is_whole(path)) and self._is_new(path):
                yield path

    def _is_new(self, path: Path) -> bool:
        from cpcs_desktop.datamodel.errors import CpcsError
        from cpcs_desktop.io.opening import file_sha256

        entry = self._waiting[path]
        try:
            digest = bytes.fromhex(file_sha256(path))
        except CpcsError:
            return False  # gone again, or its disk: it stays, and is looked at again
        del self._waiting[path]
        self._given[path] = entry.stamp
        if digest in self._contents:
            return False
        self._contents.add(digest)
        return True


def stamp_of(path: Path) -> Stamp | None:
    """Return size and time (ns); None for what is no file, or not there now."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if path.is_file() else None
