"""Row groups of survey files, kept as they were decoded while the file stays as it is.

The frames of one field ask for the same row groups one after the other. What is kept is the file's
content, before any cone is cut out of it, so an answer never depends on what was asked before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

#: Bytes of decoded columns a process keeps.
LIMIT_BYTES = 96 * 2**20

K = TypeVar("K")
V = TypeVar("V")
#: Path, what changes with its content, and row groups.
Key = tuple[str, Hashable, tuple[int, ...]]


class LatestUsed(Generic[K, V]):
    """The answers used last, up to a number of them; for any number of threads.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, find: Callable[[], V]) -> V:
        """Return the answer of a key; ``find`` is called where it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        answer = find()
        with self._lock:
            self._kept[key] = answer
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return answer


class DecodedGroups:
    """The tables used last, up to a number of bytes; for any number of threads.

    Parameters
    ----------
    limit_bytes : int
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._tables: OrderedDict[Key, Any] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes kept now."""
        return self._bytes

    def get(self, key: Key, read: Callable[[], Any]) -> Any:
        """Return the table of a key; ``read`` is called where it is not kept.

        Parameters
        ----------
        key : (str, hashable, tuple of int)
            Path, what changes with its content, and row groups.
        read : callable
            Returns a pyarrow Table.
        """
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        table = read()
        with self._lock:
            if key not in self._tables and table.nbytes <= self._limit // 4:
                self._tables[key] = table
                self._bytes += table.nbytes
                while self._bytes > self._limit:
                    _, oldest = self._tables.popitem(last=False)
                    self._bytes -= oldest.nbytes
        return table
