"""Files of catalogues, on a disk or behind an address: what differs between the two.

A catalogue on a disk is a :class:`pathlib.Path`; behind an address (object store, web server) it is
a ``UPath`` of universal-pathlib, which reads like one through fsspec. Such a cache is only read.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

from cpcs_desktop.datamodel.errors import CpcsError

#: Read at once, bytes: cheaper than its parts.
SMALL_FILE = 4 << 20


def is_remote(place: Path) -> bool:
    """Say whether a place lies behind an address."""
    return not isinstance(place, Path)


def version_of(file: Path) -> Hashable:
    """Return what changes when a file does.

    Raises
    ------
    FileNotFoundError
    CpcsError
        Code ``cache_unreachable``.
    """
    if is_remote(file):
        return _version_behind_address(file)
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _version_behind_address(file: Any) -> Hashable:
    try:
        facts = file.fs.info(file.path)
    except FileNotFoundError:
        raise
    except Exception as error:  # each store has errors of its own
        raise CpcsError(
            "cache_unreachable",
            f"The cache at {file.parent} does not answer: {' '.join(str(error).split())[:200]}.",
            "Check the network and the credentials, or name a cache on a disk.",
        ) from error
    return repr(sorted((key, str(value)) for key, value in facts.items()))


def readable(file: Any) -> Any:
    """Return what pyarrow reads a file from: the content of a small one, else a way to its parts.

    So no column of a small file waits for another thread, and a store is asked once.
    """
    if file.stat().st_size <= SMALL_FILE:
        import pyarrow as pa

        return pa.BufferReader(file.read_bytes())
    return file.open("rb") if is_remote(file) else file


def size_of(folder: Path, names: list[str]) -> int:
    """Return the bytes of some files of a folder; a missing one counts nothing."""
    if not is_remote(folder):
        paths = (folder / name for name in names)
        return sum(path.stat().st_size for path in paths if path.exists())
    place: Any = folder
    try:
        listed = place.fs.find(place.path, detail=True).values()  # one listing, not a call a file
    except (OSError, NotImplementedError):
        return 0  # a plain web server lists nothing
    return sum(int(entry["size"] or 0) for entry in listed if entry["name"].endswith(".parquet"))


def refuse_remote(place: Path) -> None:
    """Refuse to write behind an address.

    Raises
    ------
    CpcsError
        Code ``read_only``.
    """
    if is_remote(place):
        raise CpcsError(
            "read_only",
            f"The cache {place} is only read.",
            "Change a cache on a disk and copy its folder there.",
        )
