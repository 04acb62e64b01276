"""A folder under watch: watchdog hears of changes, :class:`Arrivals` decides, a queue hands on."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from watchdog.events import FileSystemEvent, FileSystemEventHandler

from cpcs_desktop.batch.arrivals import Arrivals

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

#: Even a system that tells of changes forgets some: everything is looked at again so often, s.
RESCAN_S = 30.0
#: File systems that tell nobody of changes made on another machine.
_NETWORK = ("nfs", "cifs", "smb", "9p", "fuse", "afs", "davfs", "ceph", "lustre", "gluster", "vbox")

State = Literal["present", "gone"]


class FolderWatch:
    """Hands on the files that arrive in a folder, once each, when they are whole.

    A thread of its own looks; the folder may disappear (a disk that is pulled, a network that is
    down) and come back.

    Parameters
    ----------
    folder : Path
    arrivals : Arrivals
    every_s : float
        Time between two looks.
    poll : bool, optional
        Look at everything each time instead of being told; by default where the folder lies on a
        network drive.
    old : bool
        Whether files that lie there already are handed on.
    told : callable, optional
        Called by the thread with the folder's state when that changes.
    """

    def __init__(
        self,
        folder: Path,
        arrivals: Arrivals,
        *,
        every_s: float = 1.0,
        poll: bool | None = None,
        old: bool = True,
        told: Callable[[State], None] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self._arrivals = arrivals
        self._every_s = every_s
        self._poll = on_network(self.folder) if poll is None else poll
        self._old = old
        self._told = told
        self._heard: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._observer: BaseObserver | None = None
        self._device: tuple[int, int] | None = None
        self._scanned = 0.0
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="folder-watch", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to watch."""
        if not self._old and self.folder.is_dir():
            for path in _files(self.folder):
                self._arrivals.skip(path)
        self._thread.start()

    def stop(self) -> None:
        """End the threads; safe to repeat."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._unhook()

    def take(self, timeout: float = 0.0) -> list[Path]:
        """Return what has arrived since the last call; wait for a first one so many seconds.

        A fault of the thread that looks is raised here: a watch must not go blind in silence.
        """
        if self._fault is not None:
            raise self._fault
        found = []
        try:
            found.append(self._ready.get(timeout=timeout) if timeout else self._ready.get_nowait())
            while True:
                found.append(self._ready.get_nowait())
        except queue.Empty:
            return found

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._look()
                self._stop.wait(self._every_s)
        except Exception as error:  # noqa: BLE001  take() raises it where somebody sees it
            self._fault = error

    def _look(self) -> None:
        now = time.monotonic()
        if not self._is_there():
            return
        while not self._heard.empty():
            self._arrivals.heard_of(self._heard.get(), now)
        if now - self._scanned >= RESCAN_S or self._scanned == 0.0:
            self._scanned = now
            for path in _files(self.folder):
                self._arrivals.heard_of(path, now)
        for path in self._arrivals.at_rest(now):
            self._ready.put(path)
            if self._stop.is_set():
                return

    def _is_there(self) -> bool:
        """Follow the folder as it goes and comes back, perhaps as another disk."""
        try:
            found = self.folder.stat()
            device = (found.st_dev, found.st_ino)
        except OSError:
            device = None
        if device == self._device:
            return device is not None
        self._unhook()  # gone, or another disk in the same place
        before, self._device = self._device, device
        self._scanned = 0.0
        if device is not None:
            self._hook()
        if self._told is not None and (before is None) != (device is None):
            self._told("present" if device is not None else "gone")
        return device is not None

    def _hook(self) -> None:
        from watchdog.observers import Observer
        from watchdog.observers.polling import PollingObserver

        self._observer = PollingObserver(timeout=2 * self._every_s) if self._poll else Observer()
        try:
            self._observer.schedule(_Ears(self._heard), str(self.folder), recursive=True)
            self._observer.start()
        except OSError:  # too many watches, or gone this moment: the scans still see everything
            self._observer = None

    def _unhook(self) -> None:
        observer, self._observer = self._observer, None
        if observer is None:
            return
        log = logging.getLogger("watchdog.observers.inotify")
        log.addFilter(_nothing)  # an event that comes while it ends is an error to the library
        try:
            observer.stop()
            observer.join()
        finally:
            log.removeFilter(_nothing)


class _Ears(FileSystemEventHandler):
    def __init__(self, heard: queue.SimpleQueue[Path]) -> None:
        self._heard = heard

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.is_directory:
            return
        for name in (event.src_path, event.dest_path):
            if name:
                self._heard.put(Path(os.fsdecode(name)))


def on_network(folder: Path) -> bool:
    """Say whether a folder lies on a drive whose changes nobody tells of."""
    if sys.platform == "win32":
        return str(folder).startswith("\\\\")
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return True  # cannot be told: looking is safe
    best = ("", "")
    for line in mounts:
        _, place, kind, *_ = line.split(" ")
        place = place.replace("\\040", " ")
        if folder.is_relative_to(place) and len(place) >= len(best[0]):
            best = (place, kind)
    return best[1].startswith(_NETWORK)


def _files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.rglob("*") if path.is_file()]
    except OSError:  # it goes away while we look
        return []


def _nothing(_record: logging.LogRecord) -> bool:
    return False
