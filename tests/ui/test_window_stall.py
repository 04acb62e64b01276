"""The GUI thread stays free while a frame is extracted and fitted.

The limit is 50 ms on a quiet machine (benchmarks/window_limits.py); here it is wide, but far below
the 600 ms for which extraction in a thread would freeze the window.
"""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import Qt, QTimer


def test_extraction_and_fit_never_hold_the_window(
    driver: Any, frames: list[str], practice_truth: dict[str, Any]
) -> None:
    bridge = driver.bridge
    bridge.use_for_new_rows(practice_truth["event"], (practice_truth["ra"], practice_truth["dec"]))
    bridge.add(frames[:1])  # pays for the imports behind the window
    driver.settle()
    late: list[float] = []
    last = time.perf_counter()
    held = time.thread_time()

    def tick() -> None:
        nonlocal last, held
        now, used = time.perf_counter(), time.thread_time()
        # Time this thread worked between two ticks: what it waited for a busy machine is not it.
        late.append(min(now - last, used - held))
        last, held = now, used

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(10)
    bridge.add(frames[1:])
    bridge.step(1)
    driver.settle()
    timer.stop()
    assert len(late) > 20
    assert max(late) < 0.3, f"the window was held for {1e3 * max(late):.0f} ms"
