"""The command that averages the rows selected on the board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.session.acceptance import Acceptance
from cpcs_desktop.session.averaging import Part, accept_average, part_of_average, require_free
from cpcs_desktop.session.night_frame import NightFrame
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge
from cpcs_desktop.ui.stepwise import Stepwise


class Averaging(QObject):
    """Fits the rows one after the other in the fitting child, then accepts their average.

    Parameters
    ----------
    bridge : Bridge
    """

    _accepted = Signal(object)

    def __init__(self, bridge: Bridge, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._work = Stepwise("average", self)
        self._work.found.connect(self._on_found)
        self._accepted.connect(self._on_accepted)
        self._work.ended.connect(self._on_ended)
        self._rows: tuple[NightFrame, ...] = ()
        self._parts = 0

    @property
    def running(self) -> bool:
        """Whether rows are being averaged."""
        return self._work.running

    def average(self, keys: Sequence[int]) -> None:
        """Average these rows; called again while it works, stop."""
        bridge = self._bridge
        if self.running:
            self._work.cancel()
            bridge.said.emit("Nothing was averaged.")
            return
        rows = tuple(bridge.night.frame(key) for key in sorted(set(keys)))
        try:
            require_free(rows)
        except Exception as error:  # noqa: BLE001  handed on, whatever it is
            bridge.explain(error)
            return
        self._rows, self._parts = rows, 0
        self._tell()
        self._work.start(partial(self._steps, rows))

    def _steps(self, rows: Sequence[NightFrame]) -> Iterator[object]:
        """Run by the thread; each piece is told to :meth:`_on_found`."""
        bridge = self._bridge
        parts: list[Part] = []
        for row in rows:
            future = bridge.work.fit_elsewhere(
                part_of_average, bridge.profile, row, bridge.settings
            )
            parts.append(future.result())
            yield len(parts)
        if bridge.dry_run:
            from cpcs_desktop.averaging import average_points

            yield average_points([point for point, _ in parts])
        else:
            # Told whatever happens meanwhile: the point is in the outbox now.
            self._accepted.emit(accept_average(bridge.profile.outbox_file, parts))

    def _tell(self) -> None:
        self._bridge.said.emit(
            f"Averaging {self._parts} of {len(self._rows)} rows … (Shift+A stops it)"
        )

    def _on_found(self, piece: object) -> None:
        match piece:
            case int():
                self._parts = piece
                self._tell()
            case PhotometricPoint():
                self._bridge.said.emit(f"Dry run: {_words(piece)}; nothing goes into the outbox.")

    def _on_accepted(self, found: tuple[Acceptance, PhotometricPoint]) -> None:
        acceptance, point = found
        keys = [row.key for row in self._rows]
        self._bridge.command(lambda: self._bridge.night.averaged(keys, acceptance))
        self._bridge.said.emit(f"{_words(point)}: in the outbox (u takes it back).")

    def _on_ended(self, error: Exception | None) -> None:
        if error is not None:
            self._bridge.explain(error)

    def close(self) -> None:
        """Stop and wait for the present row."""
        self._work.close()


def _words(point: PhotometricPoint) -> str:
    n = len(point.provenance["frames"])
    shown = numbers.magnitude(point.mag, point.mag_err_total, is_limit=False)
    return f"Average of {n}: {point.band} {shown}"
