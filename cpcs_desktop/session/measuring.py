"""What is measured on one row of the night: sources, place in the sky, and the events there."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.settings import ExtractionSettings, settings_digest
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.io.reading import Reading
from cpcs_desktop.profile import Profile
from cpcs_desktop.session.exposure_store import ExposureStore
from cpcs_desktop.session.fit_worker import FitWorker
from cpcs_desktop.session.footprint import events_on
from cpcs_desktop.session.night_frame import FrameState, NightFrame
from cpcs_desktop.session.solving import same_wcs, solved_by_programs, with_right_wcs
from cpcs_desktop.settings import AppSettings

if TYPE_CHECKING:
    from cpcs_desktop.extract.worker import ExtractionWorker


class Measuring:
    """Measures rows one after the other, in a thread of its owner; extraction runs in a child.

    Parameters
    ----------
    profile : Profile
    settings : AppSettings
        Its cameras are what the observer says of gain, saturation and aperture.
    solver : FitWorker
        Child in which frames without a place in the sky are solved; stays its owner's.
    """

    def __init__(self, profile: Profile, settings: AppSettings, solver: FitWorker) -> None:
        self._profile = profile
        self._settings = settings
        self._solver = solver
        self._extraction = ExtractionSettings()
        self._store = ExposureStore(profile.exposure_folder, settings_digest(self._extraction))
        self._judged: set[str] = set()
        self._worker: ExtractionWorker | None = None
        self._lock = threading.Lock()
        self._closed = False

    def use_settings(self, settings: AppSettings) -> None:
        """Use other settings from now on."""
        self._settings = settings

    def warm(self) -> None:
        """Start the child now; returns at once.

        Raises
        ------
        CpcsError
            Code ``closing`` after :meth:`close`.
        """
        self._child()

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._closed = True
            if self._worker is not None:
                self._worker.close()

    def measure(self, frame: NightFrame) -> tuple[Exposure, tuple[Event, ...]]:
        """Measure a row, and find its events where it was given none."""
        exposure = self._exposure_of(frame)
        if frame.decisions.target is not None:
            return self._solved(exposure, frame.decisions.target), ()
        return exposure, events_on(exposure, self._profile.outbox_file)

    def _solved(self, exposure: Exposure, target: tuple[float, float]) -> Exposure:
        """Find where a frame lies whose header does not know it, or knows it wrongly."""
        if exposure.frame.kind != "frame" or exposure.frame.id in self._judged:
            return exposure
        folder = self._profile.survey_cache
        try:
            solved = self._solver.submit(with_right_wcs, exposure, folder, target).result()
        except CpcsError as error:
            # here, not in the child: the fits of other rows go on meanwhile
            solved = solved_by_programs(exposure, target, error, lambda: self._closed)
        self._judged.add(exposure.frame.id)
        if not same_wcs(solved, exposure):
            self._store.put(solved)
        return solved

    def _exposure_of(self, frame: NightFrame) -> Exposure:
        reread = frame.state is FrameState.QUEUED and frame.facts.kind == "list"
        if frame.facts.frame_id is not None and not reread:
            kept = self._store.get(frame.facts.frame_id, frame.path)
            if kept is not None:
                return kept
        from cpcs_desktop.io.sniff import input_kind
        from cpcs_desktop.io.source_lists import read_source_catalog

        path, hdu = split_hdu(frame.path)
        if input_kind(path) == "list":
            exposure = read_source_catalog(path, reading=Reading.of(self._settings))
        else:
            exposure = self._extract(path, hdu).result()
        self._store.put(exposure)
        return exposure

    def _extract(self, path: Path, hdu: int | None) -> Future[Exposure]:
        camera = Reading.of(self._settings).camera_of(path, hdu)
        return self._child().submit(path, hdu, self._extraction, camera)

    def _child(self) -> ExtractionWorker:
        from cpcs_desktop.extract.worker import ExtractionWorker

        with self._lock:
            if self._closed:
                raise CpcsError("closing", "The window was closed.")
            if self._worker is None:
                self._worker = ExtractionWorker()
                self._worker.warm()
            return self._worker


def split_hdu(path: str) -> tuple[Path, int | None]:
    """Split ``frame.fits[2]`` into the file and the number of its HDU."""
    file, bracket, rest = path.rpartition("[")
    if bracket and rest.endswith("]") and rest[:-1].isdigit() and not Path(path).exists():
        return Path(file), int(rest[:-1])
    return Path(path), None
