"""One row for each reference survey: what is cached of it, and whether it covers the field."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.table_model import Column


@dataclass(frozen=True)
class SurveyRow:
    """One survey as the table shows it; sizes None where it is not cached."""

    key: str
    name: str
    bands: str
    limits: str
    stars: int | None
    area_deg2: float | None
    bytes: int | None
    age_days: float | None
    here: float | None
    citation: str
    licence: str
    release: str
    patches: tuple[tuple[float, float], ...] = ()


def survey_rows(folder: Path, field: tuple[float, float, float] | None) -> list[SurveyRow]:
    """Read the whole cache; made for a background thread.

    Parameters
    ----------
    folder : Path
    field : (float, float, float) or None
        RA, Dec and radius of the field looked at, degrees.
    """
    from cpcs_desktop.surveys.cache import SurveyCache, age_days
    from cpcs_desktop.surveys.registry import SURVEYS

    cache = SurveyCache(folder)
    cached = set(cache.keys())
    rows = []
    for key, survey in SURVEYS.items():
        stars = area = size = age = here = None
        release = ""
        patches: tuple[tuple[float, float], ...] = ()
        if key in cached:
            found = cache.coverage(key)
            stars, area, size, release = found.stars, found.area_deg2, found.bytes, found.release
            age = min((age_days(s) for s in found.sources), default=None)
            patches = _patches(found.coverage)
            if field is not None:
                here = cache.covered_fraction(key, *field)
        rows.append(
            SurveyRow(
                key=key,
                name=survey.name,
                bands=" ".join(band.letter for band in survey.all_bands),
                limits=f"{survey.bright_limit:g}–{survey.faint_limit:g}",
                stars=stars,
                area_deg2=area,
                bytes=size,
                age_days=age,
                here=here,
                citation=survey.citation,
                licence=survey.licence,
                release=release,
                patches=patches,
            )
        )
    return rows


def _patches(coverage: Any) -> tuple[tuple[float, float], ...]:
    """Return the centres of the covered cells, coarse enough for a map of the sky."""
    import numpy as np
    from cdshealpix.nested import healpix_to_lonlat

    order = 6
    shift = 2 * (29 - order)
    cells: set[int] = set()
    for start, end in zip(coverage.start.tolist(), coverage.end.tolist(), strict=True):
        cells.update(range(start >> shift, ((end - 1) >> shift) + 1))
    if not cells:
        return ()
    ra, dec = healpix_to_lonlat(np.array(sorted(cells), dtype=np.uint64), order)
    pairs = zip(ra.to_value("deg").tolist(), dec.to_value("deg").tolist(), strict=True)
    return tuple((float(a), float(d)) for a, d in pairs)


def size_of(row: SurveyRow) -> str:
    """Write how much of the disk a survey takes."""
    if row.bytes is None:
        return numbers.DASH
    return f"{row.bytes / 1e6:.1f} MB" if row.bytes >= 1e5 else f"{row.bytes / 1e3:.0f} kB"


def _here(row: SurveyRow) -> str:
    if row.stars is None:
        return "not cached"
    if row.here is None:
        return numbers.DASH
    marks = ((0.999, "● covered"), (0.001, f"▲ {100 * row.here:.0f} %"))
    return next((word for least, word in marks if row.here >= least), "■ not covered")


SURVEY_COLUMNS: tuple[Column[SurveyRow], ...] = (
    Column("Survey", "Key, as on the command line", lambda r: r.key),
    Column("This field", "How much of the circle around the frame is covered", _here,
           lambda r: r.here or 0.0),
    Column("Bands", "Stored and derived bands", lambda r: r.bands),
    Column("Magnitudes", "Bright and faint limit of usable stars", lambda r: r.limits),
    Column("Stars", "Stars in the cache", lambda r: "" if r.stars is None else f"{r.stars:,}",
           lambda r: r.stars or 0, right=True),
    Column("Area", "Covered area, square degrees",
           lambda r: "" if r.area_deg2 is None else f"{r.area_deg2:.2f} deg²",
           lambda r: r.area_deg2 or 0.0, right=True),
    Column("Size", "On disk", size_of, lambda r: r.bytes or 0, right=True),
    Column("Age", "Since the last import or fetch",
           lambda r: "" if r.age_days is None else f"{r.age_days:.0f} d",
           lambda r: r.age_days, right=True),
    Column("Release", "Goes into every point's provenance", lambda r: r.release),
    Column("Citation", "To be named wherever the survey is used", lambda r: r.citation),
    Column("Licence", "Terms of the survey", lambda r: r.licence),
)  # fmt: skip
