"""One survey's HATS catalogue on disk: what it says of itself, and how it is changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.survey import ReferenceSurvey
from cpcs_desktop.surveys.checksums import (
    CHECKSUMS,
    check_file,
    damage_of,
    read_checksums,
    sha256_of,
)
from cpcs_desktop.surveys.coverage import SKY_DEG2, Coverage
from cpcs_desktop.surveys.merge import merged
from cpcs_desktop.surveys.partition import Partition, Pixel, split
from cpcs_desktop.surveys.pixel_file import (
    ROW_GROUP,
    PixelReader,
    empty_stars,
    read_pixel,
    write_pixel,
    write_schema,
)
from cpcs_desktop.surveys.provenance import Provenance, Source
from cpcs_desktop.surveys.star_table import StarTable
from cpcs_desktop.surveys.transaction import Transaction, changing, recover

PARTITION_INFO = "partition_info.csv"
PROPERTIES = "hats.properties"
PROVENANCE = "provenance.json"
COVERAGE = "coverage.moc"
SCHEMA = "dataset/_common_metadata"
#: Everything but the pixels that a checksum is kept of.
DESCRIPTIONS = (PROPERTIES, PROVENANCE, COVERAGE, SCHEMA, PARTITION_INFO)


@dataclass(frozen=True)
class Catalogue:
    """The state of a catalogue when it was opened.

    Parameters
    ----------
    folder : Path
    provenance : Provenance
    partition : Partition
    coverage : Coverage
    """

    folder: Path
    provenance: Provenance
    partition: Partition
    coverage: Coverage

    def stars_of(
        self, pixel: Pixel, region: Coverage, declared: ReferenceSurvey
    ) -> StarTable | None:
        """Return the stars of one pixel in a region; None without any."""
        reader = PixelReader(self.folder / pixel.path)
        return reader.read(region.start, region.end, declared)


def open_catalogue(folder: Path) -> Catalogue | None:
    """Open a catalogue of ours; None when there is none.

    Raises
    ------
    CpcsError
        Code ``damaged`` when its descriptions cannot be understood.
    """
    recover(folder)
    try:
        text = (folder / PARTITION_INFO).read_text(encoding="utf-8")
        provenance = (folder / PROVENANCE).read_text(encoding="utf-8")
        coverage = (folder / COVERAGE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        lines = text.split()[1:]
        pixels = [Pixel(*(int(v) for v in line.split(",")[:2])) for line in lines]
        return Catalogue(
            folder,
            Provenance.from_json(provenance),
            Partition.of(pixels),
            Coverage.from_moc_text(coverage),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CpcsError(
            "damaged",
            f"The description of the survey in {folder} cannot be understood: {error}.",
            "Remove the survey and import or fetch it again.",
        ) from error


def add_stars(
    folder: Path,
    survey: ReferenceSurvey,
    stars: StarTable,
    coverage: Coverage,
    sources: Sequence[tuple[str, int]],
    *,
    release: str | None = None,
    whole_pixels: tuple[Pixel, ...] = (),
) -> int:
    """Merge stars into a catalogue, making it when there is none; all of it or nothing.

    A star with an id or a place that is there already replaces the older one.

    Parameters
    ----------
    coverage : Coverage
        What the stars stand for; added to the catalogue's.
    sources : sequence of (str, int)
        Files or services and how many stars each brought, for provenance.
    whole_pixels : tuple of Pixel
        Pixels of which these are all stars: what was there is replaced, and a pixel without stars
        becomes an empty file. Where the catalogue has files of another size, stars are merged.

    Returns
    -------
    int
        Number of stars in the catalogue now.

    Raises
    ------
    CpcsError
        Codes ``busy``, ``disk_full``, ``unwritable``, ``damaged``.
    """
    with changing(folder) as transaction:
        old = open_catalogue(folder)
        if old is None:
            text_ids = stars.source_id.dtype.kind != "i"
            new_release = release or survey.release
            old = Catalogue(
                folder,
                Provenance(survey.key, new_release, text_ids, 0.0, {}, ()),
                Partition.of([]),
                Coverage.nowhere(),
            )
        text_ids = old.provenance.text_ids
        stars = with_ids(stars, text_ids=text_ids)
        # looked at under the lock: another program may have divided the sky otherwise meanwhile
        whole_pixels = tuple(p for p in whole_pixels if old.partition.has_room_for(p))
        counts = dict(old.provenance.counts)
        sums = read_checksums(folder)
        assigned: dict[Pixel, Any] = {p: np.empty(0, np.intp) for p in whole_pixels}
        assigned |= old.partition.assign(stars.healpix_29)
        for pixel, rows in assigned.items():
            fresh = stars.rows(rows)
            if pixel in old.partition.pixels and pixel not in whole_pixels:
                check_file(folder, pixel.path, sums)
                fresh = merged(read_pixel(folder / pixel.path, survey), fresh)
            else:
                fresh = merged(empty_stars(survey, text_ids=text_ids), fresh)
            parts = split(pixel, fresh.healpix_29)
            if pixel not in parts:
                counts.pop(str(pixel), None)
                sums.pop(pixel.path, None)
                transaction.delete(pixel.path)
            for part, part_rows in parts.items():
                path = transaction.stage(part.path)
                write_pixel(path, fresh.rows(part_rows), survey, text_ids=text_ids)
                counts[str(part)] = len(part_rows)
                sums[part.path] = sha256_of(path)
        provenance = replace(
            old.provenance,
            release=release or old.provenance.release,
            max_pm=max(old.provenance.max_pm, largest_motion(stars)),
            counts=counts,
            sources=_with_sources(old.provenance.sources, sources),
        )
        new = Catalogue(folder, provenance, _partition_of(counts), old.coverage.union(coverage))
        stage_descriptions(transaction, survey, new, sums)
        transaction.commit()
    return provenance.stars


def damaged_pixels(catalogue: Catalogue) -> list[Pixel]:
    """Return the pixels whose files are not as they were written."""
    sums = read_checksums(catalogue.folder)
    return [p for p in catalogue.partition.pixels if damage_of(catalogue.folder, p.path, sums)]


def drop_damaged(folder: Path, survey: ReferenceSurvey) -> None:
    """Take damaged pixels out of a catalogue, and what they covered, so that they are missing.

    Raises
    ------
    CpcsError
        As :func:`add_stars`.
    """
    if not folder.exists():
        return
    with changing(folder) as transaction:
        old = open_catalogue(folder)
        damaged = damaged_pixels(old) if old else []
        if old is None or not damaged:
            return
        counts = dict(old.provenance.counts)
        sums = read_checksums(folder)
        coverage = old.coverage
        for pixel in damaged:
            counts.pop(str(pixel))
            sums.pop(pixel.path, None)
            coverage = coverage.difference(pixel.coverage)
            transaction.delete(pixel.path)
        provenance = replace(old.provenance, counts=counts)
        new = Catalogue(folder, provenance, _partition_of(counts), coverage)
        stage_descriptions(transaction, survey, new, sums)
        transaction.commit()


def stage_descriptions(
    transaction: Transaction, survey: ReferenceSurvey, new: Catalogue, sums: dict[str, str]
) -> None:
    """Stage everything but the pixels; the list of pixels comes last."""
    texts = {
        PROVENANCE: new.provenance.as_json(),
        COVERAGE: new.coverage.as_moc_text(),
        PROPERTIES: _properties(survey, new),
        PARTITION_INFO: "Norder,Npix\n"
        + "".join(f"{p.order},{p.number}\n" for p in sorted(new.partition.pixels)),
    }
    schema = transaction.stage(SCHEMA)
    write_schema(schema, survey, text_ids=new.provenance.text_ids)
    sums[SCHEMA] = sha256_of(schema)
    for name, text in texts.items():
        sums[name] = hashlib.sha256(text.encode()).hexdigest()
    texts = {CHECKSUMS: "".join(f"{s}  {n}\n" for n, s in sorted(sums.items()))} | texts
    for name, text in texts.items():
        transaction.stage(name).write_text(text, encoding="utf-8", newline="\n")


def largest_motion(stars: StarTable) -> float:
    """Return the largest proper motion in mas/yr, 0 without any."""
    if stars.pmra is None or stars.pmdec is None or len(stars) == 0:
        return 0.0
    total = np.hypot(np.nan_to_num(stars.pmra), np.nan_to_num(stars.pmdec))
    return float(total.max())


def with_ids(stars: StarTable, *, text_ids: bool) -> StarTable:
    """Bring ids to the catalogue's type; texts in a catalogue of numbers become places."""
    numbers = stars.source_id.dtype.kind == "i"
    if text_ids and numbers:
        return replace(stars, source_id=stars.source_id.astype(np.str_))
    if not text_ids and not numbers:
        return replace(stars, source_id=stars.healpix_29)
    return stars


def _with_sources(
    known: tuple[Source, ...], fresh: Sequence[tuple[str, int]]
) -> tuple[Source, ...]:
    by_name = {s.source: s for s in known}
    for name, n in fresh:
        before = by_name.pop(name).stars if name in by_name else 0
        by_name[name] = Source.of_now(name, before + n)
    return tuple(by_name.values())


def _partition_of(counts: Mapping[str, int]) -> Partition:
    return Partition.of([Pixel(*(int(v) for v in name.split("/"))) for name in counts])


def _properties(survey: ReferenceSurvey, new: Catalogue) -> str:
    """Return ``hats.properties`` (IVOA note on HATS, properties of a catalogue)."""
    provenance = new.provenance
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MUTC")
    order = max((p.order for p in new.partition.pixels), default=0)
    columns = [f"{b.letter}_mag" for b in survey.bands]
    properties = {
        "obs_collection": survey.key,
        "obs_title": survey.name,
        "obs_bib_reference": survey.citation,
        "obs_copyright": survey.licence,
        "dataproduct_type": "object",
        "hats_nrows": provenance.stars,
        "hats_col_ra": "ra",
        "hats_col_dec": "dec",
        "hats_cols_default": ",".join(["source_id", "ra", "dec", *columns]),
        "hats_col_healpix": "_healpix_29",
        "hats_col_healpix_order": 29,
        "hats_cols_sort": "source_id",
        "hats_max_rows": 1_000_000,
        "hats_npix_suffix": ".parquet",
        "hats_order": order,
        "hats_rows_per_group": ROW_GROUP,
        "hats_version": "v1.0",
        "hats_builder": "cpcs-desktop",
        "hats_creation_date": now,
        "hats_frame": "equatorial",
        "hats_coordinate_epoch": f"J{survey.epoch}",
        "hats_release_date": provenance.sources[-1].date[:10] if provenance.sources else now[:10],
        "hats_release": provenance.release,
        "moc_sky_fraction": f"{new.coverage.area_deg2 / SKY_DEG2:.6g}",
    }
    return "#HATS catalog\n" + "".join(f"{k}={v}\n" for k, v in properties.items())
