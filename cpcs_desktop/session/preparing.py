"""Fields prepared by a child process: answers of services are long to read, and hold the lock."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Event

    from cpcs_desktop.surveys.fetch import FetchProgress
    from cpcs_desktop.surveys.prepare import Prepared, Wish

_BEAT_S = 0.1
#: A child that does not stop by itself within this time is killed; the cache survives that.
_GRACE_S = 0.7


def prepared_by_child(wish: Wish) -> Iterator[FetchProgress | Prepared | None]:
    """Prepare fields in a child; close the iterator to cancel, which takes less than a second.

    Yields
    ------
    FetchProgress, Prepared or None
        As :func:`cpcs_desktop.surveys.prepare.prepare` tells; None about ten times a second
        while there is nothing to tell.

    Raises
    ------
    CpcsError
        Code ``prepare_died`` when the child was ended by something else.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    stop = context.Event()
    child = context.Process(target=_child, args=(wish, sender, stop), daemon=True)
    child.start()
    sender.close()
    try:
        while True:
            if not receiver.poll(_BEAT_S):
                yield None
                continue
            try:
                piece = receiver.recv()
            except (EOFError, OSError):
                child.join()
                raise CpcsError(
                    "prepare_died",
                    "The preparation was ended by the system.",
                    "What was fetched is kept; start it again.",
                ) from None
            if piece is None:
                return
            yield piece
    finally:
        stop.set()
        child.join(_GRACE_S)
        if child.is_alive():
            child.kill()
            child.join()
        child.close()
        receiver.close()


def _child(wish: Wish, sender: Connection, stop: Event) -> None:
    from cpcs_desktop.extract.worker import end_with_parent
    from cpcs_desktop.surveys.prepare import prepare

    threading.Thread(target=end_with_parent, daemon=True).start()
    lock = threading.Lock()  # progress is told by two threads

    def tell(piece: FetchProgress | Prepared | None) -> None:
        with lock:
            sender.send(piece)

    prepare(wish, tell, stop.is_set)
    tell(None)
