"""Says who held the window's thread: every late turn of the event loop, with times and stacks.

A late turn is split into what the thread itself worked, what it waited for a processor (another
program's load, not ours) and the rest: waiting for the interpreter's lock or for a file. Linux.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer

_TICK_MS = 5
_LATE_S = 0.025
_LOOK_S = 0.004
_OWN = ("cpcs_desktop", "benchmarks")


@dataclass
class Late:
    """One late turn; seconds."""

    wall: float
    worked: float
    no_processor: float
    stacks: Counter[str] = field(default_factory=Counter)

    @property
    def ours(self) -> float:
        """The part that another program did not cause."""
        return self.wall - self.no_processor

    def __str__(self) -> str:
        rest = self.wall - self.worked - self.no_processor
        head = (
            f"{1e3 * self.wall:.0f} ms: worked {1e3 * self.worked:.0f}, no processor "
            f"{1e3 * self.no_processor:.0f}, waited {1e3 * rest:.0f}"
        )
        return "\n".join([head, *(f"    {n} x {s}" for s, n in self.stacks.most_common(6))])


class StallWatch(QObject):
    """A clock in the window's thread, and an alarm that looks at its stack.

    Parameters
    ----------
    stacks : bool
        Look at the stacks during late turns; costs a little, so off where limits are measured.
    """

    def __init__(self, parent: QObject | None = None, *, stacks: bool = False) -> None:
        super().__init__(parent)
        self.turns: list[Late] = []
        self._scheduled = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._seen: Counter[str] = Counter()
        self._last = self._now()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(_TICK_MS)
        if stacks:
            signal.signal(signal.SIGALRM, self._look)
            signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)

    def _now(self) -> tuple[float, float, float]:
        waited = int(self._scheduled.read_text().split()[1]) * 1e-9
        return time.perf_counter(), time.thread_time(), waited

    def _tick(self) -> None:
        before, now = self._last, self._now()
        seen, self._seen = self._seen, Counter()
        wall, worked, waited = (b - a for a, b in zip(before, now, strict=True))
        # An idle loop waits for its own clock: only what comes after the due time is late.
        self.turns.append(Late(wall - _TICK_MS / 1e3, worked, waited, seen))
        self._last = now

    def _look(self, _number: int, frame: FrameType | None) -> None:
        """Run by the window's thread between two steps of Python."""
        if time.perf_counter() - self._last[0] > _LATE_S:
            self._seen[_place(frame)] += 1

    def late(self, seconds: float = _LATE_S) -> list[Late]:
        """Return the late turns, longest first."""
        return sorted((t for t in self.turns if t.wall > seconds), key=lambda t: -t.wall)

    def numbers(self) -> dict[str, Any]:
        """Return the limits' numbers, ms: wall as felt, ours without other programs' load."""
        wall = sorted(t.wall for t in self.turns)
        worst = max(self.turns, key=lambda t: t.wall)
        return {
            "longest_ms": round(1e3 * worst.wall, 1),
            "longest_worked_ms": round(1e3 * worst.worked, 1),
            "longest_no_processor_ms": round(1e3 * worst.no_processor, 1),
            "longest_ours_ms": round(1e3 * max(t.ours for t in self.turns), 1),
            "p99_ms": round(1e3 * wall[int(0.99 * len(wall))], 1),
        }

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _place(frame: FrameType | None) -> str:
    """Return our own innermost lines of a stack, then the innermost ones."""
    lines: list[tuple[str, str]] = []
    while frame is not None:
        code = frame.f_code
        name = f"{Path(code.co_filename).stem}.{code.co_name}:{frame.f_lineno}"
        lines.append((code.co_filename, name))
        frame = frame.f_back
    own = [text for file, text in lines if any(part in file for part in _OWN)]
    return " > ".join([*own[2::-1], "|", *[text for _, text in lines[1::-1]]])
