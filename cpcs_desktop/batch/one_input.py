"""One input from file to lines of output: the function that every worker runs."""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cpcs_desktop.batch.inputs import Input, expand_inputs
from cpcs_desktop.batch.options import AUTO_EVENT, CalibrateOptions, Job, prepare_job
from cpcs_desktop.batch.sentences import sentence
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from cpcs_desktop.datamodel.calibration import Calibration
    from cpcs_desktop.datamodel.sources import Exposure
    from cpcs_desktop.profile import Profile
    from cpcs_desktop.surveys.cache import SurveyCache


@dataclass(frozen=True)
class Outcome:
    """One line of output: a calibration, or the error that stands in its place.

    ``exposure`` is what had been measured before a failure, ``target`` what was looked for.
    """

    path: str
    event: str | None
    calibration: Calibration | None
    error: CpcsError | None
    exposure: Exposure | None = None
    target: tuple[float, float] | None = None

    def as_json(self, options: CalibrateOptions) -> dict[str, Any]:
        """Return the line of ``calibrate --json``."""
        if self.calibration is None:
            assert self.error is not None
            return {
                "path": self.path,
                "status": "failed",
                "event": self.event,
                "error": self.error.as_json(),
                **self.error.found,
            }
        from cpcs_desktop.results import as_json

        line = as_json(self.calibration, self.path)
        return {**line, "comment": options.comment, "observers": list(options.observers)}


@dataclass(frozen=True)
class Answer:
    """One line of output as text, with what a person reads and what the report shows.

    Parameters
    ----------
    line : str
        A JSON object.
    sentence : str
    ok : bool
    facts : dict
        What only the night report shows; empty without one.
    picture : str or None
        Of a failure, for the report; a PNG in base64.
    """

    line: str
    sentence: str
    ok: bool
    facts: dict[str, Any]
    picture: str | None = None


@dataclass(frozen=True)
class Finished:
    """Everything that came of one input; plain text, small enough to travel.

    ``outcomes`` are there only where the job wants to keep the calibrations.
    """

    sha256: str | None
    answers: tuple[Answer, ...]
    outcomes: tuple[Outcome, ...] = ()


def calibrate_inputs(
    paths: Sequence[str], options: CalibrateOptions, profile: Profile
) -> Iterator[Outcome]:
    """Calibrate every input in the order given, in this process.

    A failing one never stops the rest.

    Yields
    ------
    Outcome
        One per input, or per event of an input with ``--event auto``.
    """
    job = prepare_job(options, profile)
    for item in expand_inputs(paths, options.hdu):
        yield from outcomes(item, job)


def outcomes(
    item: Input, job: Job, measured: Exposure | Exception | None = None
) -> Iterator[Outcome]:
    """Calibrate one input, for each of its events; known failures are outcomes too.

    ``measured`` is what another process has made of the file, where one has.
    """
    named = None if job.options.event == AUTO_EVENT else job.options.event
    exposure = None
    try:
        exposure = _load(item, job, measured)
        targets = _targets(exposure, job)
    except CpcsError as error:
        yield Outcome(item.typed, named, None, error, exposure, job.options.target)
        return
    for event, target in targets:
        try:
            calibration = _calibrate(exposure, event, target, job)
        except CpcsError as error:
            yield Outcome(item.typed, event, None, error, exposure, target)
        else:
            yield Outcome(item.typed, event, calibration, None, exposure, target)


def finish(item: Input, job: Job, measured: Exposure | Exception | None = None) -> Finished:
    """Calibrate one input and put everything that comes of it into words.

    A fault of the program is a failure of this input too: at four in the morning one frame that
    nobody thought of must not cost the other thousand.
    """
    try:
        found = list(outcomes(item, job, measured))
        answers = tuple(_answer(outcome, item, job) for outcome in found)
        exposure = found[0].exposure
    except CpcsError as error:  # of the outputs beside the line
        return failed(item, job, error.code, f"has no picture: {error.message}", error.hint)
    except MemoryError:
        return failed(item, job, "memory", "does not fit into memory", "Use fewer --jobs.")
    except Exception as error:  # noqa: BLE001  see above
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return failed(
            *(item, job, "program_fault", f"could not be calibrated by a fault of ours ({what})"),
            "Please report it with the file.",
        )
    return Finished(_sha256(item, exposure), answers, tuple(found) if job.keep else ())


def failed(item: Input, job: Job, code: str, what: str, hint: str) -> Finished:
    """Return the answer for an input that ended otherwise than by a known failure.

    The file is not touched: it may be what ended the worker.
    """
    error = CpcsError(code, f"{item.file.name} {what}.", hint)
    named = None if job.options.event == AUTO_EVENT else job.options.event
    outcome = Outcome(item.typed, named, None, error)
    line = json.dumps(outcome.as_json(job.options), allow_nan=False, ensure_ascii=False)
    answers = (Answer(line, sentence(outcome), False, {}),)
    return Finished(None, answers, (outcome,) if job.keep else ())


def _answer(outcome: Outcome, item: Input, job: Job) -> Answer:
    line = json.dumps(outcome.as_json(job.options), allow_nan=False, ensure_ascii=False)
    facts: dict[str, Any] = {}
    picture = None
    if job.plots is not None and outcome.calibration is not None:
        _keep_plot(outcome.calibration, Path(job.plots))
    if job.report:
        from cpcs_desktop.batch.facts import failure_picture, night_facts

        if outcome.calibration is not None:
            facts = night_facts(outcome.calibration)
        else:
            cache = open_cache(job.survey_cache)
            shown = failure_picture(item, outcome.exposure, outcome.target, cache)
            picture = None if shown is None else base64.b64encode(shown).decode()
    return Answer(line, sentence(outcome), outcome.calibration is not None, facts, picture)


def _keep_plot(calibration: Calibration, folder: Path) -> None:
    """Write the picture of the zero point; the same content and event is the same file."""
    from cpcs_desktop.batch.writers import replacing
    from cpcs_desktop.plots.zero_point import ZeroPointStars, zero_point_picture

    frame = calibration.exposure.frame
    words = [Path(frame.path).stem, frame.sha256[:8], str(frame.hdu), calibration.event or ""]
    name = re.sub(r"[^\w.-]+", "_", "-".join(word for word in words if word))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CpcsError(
            "unwritable", f"The folder {folder} cannot be made.", "Name another one with --plots."
        ) from error
    with replacing(folder / f"{name}.png") as file:
        file.write(zero_point_picture(ZeroPointStars.of(calibration.chosen)))


def _sha256(item: Input, exposure: Exposure | None) -> str | None:
    """Return the content's digest, None for what cannot be read."""
    from cpcs_desktop.io.opening import file_sha256

    if exposure is not None:
        return exposure.frame.sha256
    try:
        return file_sha256(item.file)
    except CpcsError:
        return None


def _load(item: Input, job: Job, measured: Exposure | Exception | None) -> Exposure:
    from cpcs_desktop import pipeline

    if item.error is not None:
        raise item.error
    if isinstance(measured, Exception):
        raise measured
    exposure = measured or pipeline.load_exposure(item.file, hdu=item.hdu, reading=job.reading)
    return pipeline.with_times(exposure, job.options.mjd, job.options.exposure)


def _targets(exposure: Exposure, job: Job) -> list[tuple[str | None, tuple[float, float]]]:
    """Return the events and positions to measure on one exposure."""
    options = job.options
    if options.event is None:
        assert options.target is not None
        return [(None, options.target)]
    hint = "Add it with cpcs event add IVORN --ra --dec, or fetch the list: cpcs event sync."
    if options.event != AUTO_EVENT:
        known = [(e.ra, e.dec) for e in job.events if e.ra is not None and e.dec is not None]
        position = options.target or (known[0] if known else None)
        if position is None:
            raise CpcsError(
                "unknown_event",
                f"The event {options.event} is not in the local list, or has no position.",
                hint,
            )
        return [(options.event, position)]
    from cpcs_desktop.calib.footprint import outline
    from cpcs_desktop.sync.events import events_on

    inside = events_on(job.events, exposure.frame, outline(exposure.sources()))
    found = [(e.ivorn, (e.ra, e.dec)) for e in inside if e.ra is not None and e.dec is not None]
    if not found:
        raise CpcsError("unknown_event", "No event of the local list lies on this frame.", hint)
    return list(found)


def _calibrate(
    exposure: Exposure, event: str | None, target: tuple[float, float], job: Job
) -> Calibration:
    from cpcs_desktop import pipeline
    from cpcs_desktop.datamodel.band import BandRequest
    from cpcs_desktop.datamodel.settings import CalibrationSettings

    return pipeline.calibrate(
        exposure,
        target,
        open_cache(job.survey_cache),
        event=event,
        request=BandRequest.parse(job.request),
        settings=CalibrationSettings(match_radius_arcsec=job.match_radius_arcsec),
        magnitude_kind=job.magnitude_kind,
        surveys=job.options.surveys,
        psf=job.options.psf,
    )


def get_ready(item: Input, job: Job) -> None:
    """Do what can be done while another process measures the frame.

    Imports, and reading the surveys where the header says the frame lies: what is decoded stays in
    memory, and the stars are cut out of it when the sources are known.
    """
    import pyarrow.parquet

    from cpcs_desktop import pipeline
    from cpcs_desktop.io.frames import read_frame

    del pyarrow
    with suppress(CpcsError):  # the other process says it
        frame = read_frame(item.file, item.hdu)
        pipeline.read_ahead(frame, open_cache(job.survey_cache), job.options.surveys)


@functools.lru_cache(maxsize=4)
def open_cache(folder: str) -> SurveyCache:
    """Return one cache object a folder and process: what it opened stays open."""
    from cpcs_desktop.surveys.cache import SurveyCache

    return SurveyCache(folder)
