"""How far a long batch is, on a terminal; how it is ended."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from cpcs_desktop.batch.sentences import duration

if TYPE_CHECKING:
    from cpcs_desktop.batch.inputs import Input
    from cpcs_desktop.batch.one_input import Finished

_EVERY_S = 0.2
_CLEAR = "\r\033[K"


class Progress:
    """A line on stderr with rate and time left; nothing in a pipe.

    Parameters
    ----------
    total : int
        Number of inputs.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = self.failed = 0
        self._start = time.monotonic()
        self._on_terminal = total > 1 and sys.stderr.isatty()

    def following(
        self, finished: Iterator[tuple[Input, Finished]]
    ) -> Iterator[tuple[Input, Finished]]:
        """Pass answers on and count them; the line makes way for what is printed meanwhile."""
        self._show()
        try:
            for item, answers in finished:
                self.done += 1
                self.failed += not all(answer.ok for answer in answers.answers)
                self._clear()
                yield item, answers
                self._show()
        finally:
            self._clear()

    def line(self, now: float) -> str:
        """Return how far it is: count, rate, time left, failures."""
        rate = self.done / max(now - self._start, 1e-9)
        words = [f"{self.done}/{self.total}"]
        if self.done:
            per = f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
            words += [per, f"{duration((self.total - self.done) / rate)} left"]
        if self.failed:
            words.append(f"{self.failed} failed")
        width = 24
        full = width * self.done // max(self.total, 1)
        return f"[{'#' * full}{'-' * (width - full)}] " + "  ".join(words)

    def summary(self) -> str:
        """Return what a person reads at the end."""
        took = duration(time.monotonic() - self._start)
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done - self.failed} of {self.total} calibrated{failed} in {took}"

    def _show(self) -> None:
        now = time.monotonic()
        if self._on_terminal:
            sys.stderr.write(_CLEAR + self.line(now))
            sys.stderr.flush()

    def _clear(self) -> None:
        if self._on_terminal:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl+C does: files closed, children ended, journal kept."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl+C and SIGTERM until the block is done: what was told is also written down."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    numbers = signal.SIGINT, signal.SIGTERM
    before = [
        signal.signal(number, lambda heard_now, _: heard.append(heard_now)) for number in numbers
    ]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    for caught in heard:
        signal.raise_signal(caught)
