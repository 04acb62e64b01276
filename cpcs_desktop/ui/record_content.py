"""What a record shows, taken apart in a thread: columns of stars and sources, words and rows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.columns_model import ArrayColumn
from cpcs_desktop.wire import PointBody, PointSubmission

if TYPE_CHECKING:
    from cpcs_desktop.sync.records import Record

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Fact:
    """One named value of the record."""

    number: int
    group: str
    name: str
    value: str


@dataclass(frozen=True)
class RecordContent:
    """A record ready to be shown.

    Parameters
    ----------
    record : Record
    mag_inst, mag_ref, membership : ndarray of float64, shape (n,)
        Stars of the fit, for the plot.
    excluded : ndarray of bool, shape (n,)
    stars, sources : tuple of ArrayColumn
        Tables; empty where the point came without.
    facts : tuple of Fact
    """

    record: Record
    mag_inst: FloatArray
    mag_ref: FloatArray
    membership: FloatArray
    excluded: NDArray[np.bool_]
    stars: tuple[ArrayColumn, ...]
    sources: tuple[ArrayColumn, ...]
    facts: tuple[Fact, ...]

    @property
    def point(self) -> PointBody:
        """The point itself."""
        return self.record.submission.point


def content_of(record: Record) -> RecordContent:
    """Take a record apart; reads the whole source list, so run it in a thread.

    Raises
    ------
    CpcsError
        ``bad_stored_list`` when the source list cannot be read.
    """
    evidence = record.submission.evidence
    stars = {} if evidence is None else evidence.stars
    n = len(stars.get("mag_inst", ()))

    def column(name: str) -> FloatArray:
        values = stars.get(name) or [None] * n
        return np.array([math.nan if v is None else v for v in values], dtype=np.float64)

    excluded = np.array(stars.get("excluded") or [False] * n, dtype=np.bool_)
    inst, ref = column("mag_inst"), column("mag_ref")
    table: tuple[ArrayColumn, ...] = ()
    if n:
        ids = [str(v) for v in stars.get("source_id") or [numbers.DASH] * n]
        table = (
            ArrayColumn("Star", "Name in the survey", np.array(ids)),
            ArrayColumn("RA", "Degrees", column("ra"), 5),
            ArrayColumn("Dec", "Degrees", column("dec"), 5),
            ArrayColumn("Survey", "Reference magnitude", ref, 3),
            ArrayColumn("±", "Its error", column("mag_ref_err"), 3),
            ArrayColumn("Instrumental", "Instrumental magnitude", inst, 3),
            ArrayColumn("± ", "Its error", column("mag_inst_err"), 3),
            ArrayColumn(
                "Residual",
                "Reference minus instrumental minus zero point, mag",
                ref - inst - record.submission.point.zero_point,
                3,
            ),
            ArrayColumn(
                "Membership",
                "Probability of belonging to the good population",
                column("membership"),
                3,
            ),
            ArrayColumn("Excluded", "Taken out by the observer", excluded),
        )
    return RecordContent(
        record=record,
        mag_inst=inst,
        mag_ref=ref,
        membership=column("membership"),
        excluded=excluded,
        stars=table,
        sources=_sources(record.submission),
        facts=tuple(Fact(row, *words) for row, words in enumerate(_facts(record.submission))),
    )


def _sources(submission: PointSubmission) -> tuple[ArrayColumn, ...]:
    from cpcs_desktop.io.stored_list import exposure_of_text

    evidence = submission.evidence
    if evidence is None or evidence.source_list is None:
        return ()
    found = exposure_of_text(evidence.source_list).sources(submission.point.magnitude_kind)
    return (
        ArrayColumn("No.", "Row of the list", np.arange(1, len(found) + 1)),
        ArrayColumn("x", "Pixels, the first one is 1", found.x + 1.0, 2),
        ArrayColumn("y", "Pixels, the first one is 1", found.y + 1.0, 2),
        ArrayColumn("RA", "Degrees", found.ra, 5),
        ArrayColumn("Dec", "Degrees", found.dec, 5),
        ArrayColumn("Flux", "ADU", found.flux, 1),
        ArrayColumn("±", "Its error, ADU", found.flux_err, 1),
        ArrayColumn("Instrumental", "Instrumental magnitude", found.mag_inst, 4),
        ArrayColumn("± ", "Its error, mag", found.mag_inst_err, 4),
        ArrayColumn("FWHM", "Pixels", found.fwhm, 2),
        ArrayColumn("Flags", "SExtractor's", found.flags.astype(np.int64)),
    )


def _facts(submission: PointSubmission) -> Sequence[tuple[str, str, str]]:
    """Return every value of point, provenance, settings, bands and checks, in that order."""
    point, evidence = submission.point, submission.evidence
    rows = [
        ("point", name, _word(value))
        for name, value in point.model_dump(exclude={"provenance", "error_budget"}).items()
    ]
    if point.ra is not None and point.dec is not None:
        from cpcs_desktop.io.light_curve_table import sun_and_barycentre_dates

        dates = sun_and_barycentre_dates(np.array([point.mjd]), point.ra, point.dec)
        names = ("hjd_utc", "bjd_tdb")
        rows += [("point", n, f"{d[0]:.6f}") for n, d in zip(names, dates, strict=True)]
    rows += [("error budget", n, _word(v)) for n, v in point.error_budget.model_dump().items()]
    for name, value in point.provenance.items():
        if name == "frames":
            rows += [("exposures", _word(f.get("file_name")), _exposure_words(f)) for f in value]
        elif isinstance(value, dict):
            rows += [("provenance", f"{name}: {part}", _word(v)) for part, v in value.items()]
        else:
            rows.append(("provenance", name, _word(value)))
    if evidence is None:
        return rows
    rows += [("choice", name, _word(value)) for name, value in evidence.choice.items()]
    rows += [
        ("check", f"{c.get('level')}: {c.get('code')}", _word(c.get("message")))
        for c in evidence.checks
    ]
    for fit in evidence.fits:
        words = (
            f"ZP {_word(fit.get('zero_point'))} ± {_word(fit.get('zero_point_err'))}, scatter "
            f"{_word(fit.get('scatter'))}, {_word(fit.get('n_used'))} of "
            f"{_word(fit.get('n_matched'))} stars"
        )
        rows.append(("band", _word(fit.get("band")), fit.get("reason") or words))
    rows += [("settings", name, _word(value)) for name, value in evidence.settings.items()]
    return rows


def _exposure_words(frame: dict[str, Any]) -> str:
    return (
        f"MJD {_word(frame.get('mjd'))}, {_word(frame.get('mag'))} ± {_word(frame.get('mag_err'))}"
        f" mag, weight {_word(frame.get('weight'))}, frame {_word(frame.get('frame_sha256'))}"
    )


def _word(value: Any) -> str:
    if value is None:
        return numbers.DASH
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple) and not value:
        return "none"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def headline(record: Record) -> str:
    """Return the first lines of a record as rich text: what, when, by whom, stored when."""
    point = record.submission.point
    limit = point.kind == "UPPER_LIMIT"
    shown = numbers.magnitude(point.mag, point.mag_err_total, is_limit=limit)
    observers = ", ".join(point.observers)
    who = " · ".join(w for w in (point.observatory, observers, point.instrument) if w)
    made = point.provenance
    what = (
        f"<b>{_safe(point.band)} {shown}</b> &nbsp; {_safe(point.event)} &nbsp; MJD "
        f"{numbers.number(point.mjd, 5)} ({numbers.iso(point.mjd)} UTC) &nbsp; revision "
        f"{point.revision}"
    )
    frames = made.get("frames", ())
    sha256 = str(made.get("frame_sha256", numbers.DASH))
    of_frame = f"average of {len(frames)} frames" if frames else f"frame {_safe(sha256)[:16]}…"
    frame = (
        f"{_safe(who or 'observatory not named')} · {_safe(point.file_name)} · "
        f"{of_frame} · "
        f"{_safe(str(made.get('software', numbers.DASH)))}"
    )
    lines = [what, frame, _safe(" · ".join(history(record)))]
    if point.comment:
        lines.append(f"“{_safe(point.comment)}”")
    return "<br>".join(line for line in lines if line)


def history(record: Record) -> list[str]:
    """Say who accepted, stored and withdrew the point, when and why."""
    found = []
    if record.accepted_at is not None:
        when = datetime.fromtimestamp(record.accepted_at, UTC)
        found.append(f"accepted here {when:%Y-%m-%d %H:%M:%S} UTC")
    for told in record.revisions:
        word = f"revision {told.revision} stored by {told.observatory} {_time(told.stored_at)}"
        if told.state == "superseded":
            word += ", superseded"
        if told.withdrawn_at is not None:
            word += f", withdrawn {_time(told.withdrawn_at)}: {told.withdraw_reason}"
        found.append(word)
    if record.origin == "file":
        found.append(f"read from {record.file}; nothing here can be changed")
    return found


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _safe(text: str) -> str:
    from html import escape

    return escape(text)
