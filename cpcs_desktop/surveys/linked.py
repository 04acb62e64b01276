"""Published HATS catalogues used where they lie, read-only, through a column map.

A whole-sky copy on a disk at the observatory needs no import: the cache keeps a link with the
folder and the map. Layouts of HATS 0.x and 1.x are read: pixels under ``dataset/`` or beside it,
one file a pixel or a folder of parts.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.survey import ReferenceSurvey
from cpcs_desktop.profile import place_of
from cpcs_desktop.surveys.cached_survey import Damage
from cpcs_desktop.surveys.catalogue import COVERAGE, Catalogue, open_catalogue
from cpcs_desktop.surveys.coverage import Coverage
from cpcs_desktop.surveys.partition import Partition, Pixel
from cpcs_desktop.surveys.places import is_remote, readable, version_of
from cpcs_desktop.surveys.provenance import Provenance, Source
from cpcs_desktop.surveys.reading.column_formula import names_in
from cpcs_desktop.surveys.reading.import_columns import choose_columns, to_stars
from cpcs_desktop.surveys.reading.raw_table import RawTable
from cpcs_desktop.surveys.registry import survey
from cpcs_desktop.surveys.star_table import StarTable, concatenate

LINK = "link.json"
_INDEX = "_healpix_29"
#: No known star moves faster (Barnard's star, 10,393 mas/yr).
_FASTEST_STAR = 10_500.0


@dataclass(frozen=True)
class LinkedCatalogue(Catalogue):
    """A published catalogue, somewhere else on this machine.

    Parameters
    ----------
    columns : mapping of str to str
        Our names -> its column names or formulas.
    needed : tuple of str
        Its columns that are read.
    """

    columns: Mapping[str, str]
    needed: tuple[str, ...]

    def stars_of(
        self, pixel: Pixel, region: Coverage, declared: ReferenceSurvey
    ) -> StarTable | None:
        """Return the stars of one pixel in a region; None without any."""
        parts = []
        for path in pixel_files(self.folder, pixel):
            table = _read_part(path, self.needed, region)
            if table is not None:
                stars = to_stars(table, declared, self.columns).stars
                parts.append(stars.rows(region.contains(stars.healpix_29)))
        found = concatenate(parts).sorted() if parts else None
        return found if found is not None and len(found) else None


def write_link(folder: Path, key: str, target: Path, columns: Mapping[str, str] | None) -> None:
    """Remember that a survey lies elsewhere; the column map is checked against its columns.

    Parameters
    ----------
    folder : Path
        The survey's folder in the cache.
    target : Path
        The published catalogue.

    Raises
    ------
    CpcsError
        Codes ``unreadable``, ``missing_column``, ``bad_columns``.
    """
    declared = survey(key)
    chosen: Mapping[str, str] = {}
    if columns is not None or _ours(target, key) is None:
        partition = _read_partition(target)
        chosen = choose_columns(_columns_of(target, partition.pixels[0]), declared, columns)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / (LINK + ".tmp")
    temporary.write_text(
        json.dumps({"folder": str(target.absolute()), "columns": chosen}), encoding="utf-8"
    )
    temporary.replace(folder / LINK)


def open_link(folder: Path, key: str) -> Catalogue | None:
    """Open the catalogue that a survey's link names, None without a link.

    A catalogue that this program wrote needs no map and keeps its flags and its provenance.

    Raises
    ------
    CpcsError
        Code ``unreadable`` when the catalogue is not there any more.
    """
    try:
        link = json.loads((folder / LINK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    target = place_of(link["folder"])
    if not link["columns"]:
        ours = _ours(target, key)
        if ours is not None:
            return ours
    return open_published(target, key, link["columns"])


def open_published(target: Path, key: str, columns: Mapping[str, str] | None) -> LinkedCatalogue:
    """Open a published catalogue through a column map; the usual names need none.

    Raises
    ------
    CpcsError
        Codes ``unreadable``, ``missing_column``, ``bad_columns``.
    """
    declared = survey(key)
    partition = _read_partition(target)
    properties = _properties(target)
    table = _columns_of(target, partition.pixels[0])
    chosen = choose_columns(table, declared, columns)
    needed = {n for formula in chosen.values() for n in names_in(formula, table) or ()}
    for rule in declared.quality_rules:
        needed |= set([c for c in rule.columns if c in table.columns][:1])
    if _INDEX in table.columns:
        needed.add(_INDEX)
    date = properties.get("hats_creation_date", properties.get("hats_release_date", ""))[:10]
    stars = int(properties.get("hats_nrows", properties.get("total_rows", "0")) or 0)
    release = properties.get("hats_release") or properties.get("obs_collection") or target.name
    return LinkedCatalogue(
        folder=target,
        provenance=Provenance(
            survey=key,
            release=release,
            text_ids=False,
            max_pm=_FASTEST_STAR if "pmra" in chosen else 0.0,
            counts={"all": stars},
            sources=(Source(str(target), _as_date(date), stars),),
        ),
        partition=partition,
        coverage=_coverage(target, partition),
        columns=chosen,
        needed=tuple(sorted(needed)),
    )


def is_hats(folder: Path) -> bool:
    """Say whether a folder is a HATS catalogue."""
    # a plain web server has no folders, only what lies in them
    return (is_remote(folder) or folder.is_dir()) and any(
        (folder / name).exists() for name in ("hats.properties", "properties", "partition_info.csv")
    )


def pixel_files(folder: Path, pixel: Pixel) -> list[Path]:
    """Return the files of a pixel: one, or the parts in a folder of its name."""
    inside = pixel.path.removeprefix("dataset/")
    for base in (folder / "dataset", folder):
        file = base / inside
        if file.is_file():
            return [file]
        if file.with_suffix("").is_dir():
            return sorted(file.with_suffix("").glob("*.parquet"))
    raise FileNotFoundError(str(folder / pixel.path))


def _read_partition(target: Path) -> Partition:
    try:
        lines = (target / "partition_info.csv").read_text(encoding="utf-8").split()
        names = lines[0].split(",")
        order, number = names.index("Norder"), names.index("Npix")
        rows = [line.split(",") for line in lines[1:]]
        pixels = [Pixel(int(row[order]), int(row[number])) for row in rows]
    except (OSError, ValueError, IndexError) as error:
        raise CpcsError(
            "unreadable",
            f"{target} is not a HATS catalogue that can be read: {error}.",
            "Is the disk there? The folder holds hats.properties and partition_info.csv.",
        ) from error
    if not pixels:
        raise CpcsError("unreadable", f"The HATS catalogue {target} has no pixels.", "")
    return Partition.of(pixels)


def _ours(target: Path, key: str) -> Catalogue | None:
    """Open a catalogue that this program wrote of this survey, None for others."""
    with contextlib.suppress(CpcsError):
        found = open_catalogue(target)
        if found is not None and found.provenance.survey == key:
            return found
    return None


def _coverage(target: Path, partition: Partition) -> Coverage:
    """Return what a catalogue says that it covers; without a word, all of its pixels."""
    pixels = Coverage.of_ranges(partition.start, partition.end)
    try:
        said = (target / COVERAGE).read_text(encoding="ascii")
        return Coverage.from_moc_text(said).intersection(pixels)
    except (OSError, ValueError):  # none, or of another kind
        return pixels


def _properties(target: Path) -> dict[str, str]:
    for name in ("hats.properties", "properties"):
        if (target / name).exists():
            lines = (target / name).read_text(encoding="utf-8").splitlines()
            pairs = (line.partition("=") for line in lines if not line.startswith("#"))
            return {key.strip(): value.strip() for key, equal, value in pairs if equal}
    return {}


def _as_date(text: str) -> str:
    return f"{text}T00:00:00+00:00" if len(text) == 10 else "2000-01-01T00:00:00+00:00"


def _columns_of(target: Path, pixel: Pixel) -> RawTable:
    """Return the catalogue's columns without rows, numbers and texts told apart."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(readable(pixel_files(target, pixel)[0]))
    except (OSError, pa.ArrowInvalid, IndexError) as error:
        raise CpcsError(
            "unreadable", f"The HATS catalogue {target} cannot be read: {error}.", ""
        ) from error
    return RawTable({n: np.empty(0) for n in schema.names})


def _read_part(path: Path, needed: tuple[str, ...], region: Coverage) -> RawTable | None:
    """Read the row groups of a file that touch a region."""
    import pyarrow.parquet as pq

    footer, low, high = _footer(path, version_of(path))
    first = np.searchsorted(region.end, low, side="right")
    last = np.searchsorted(region.start, high, side="right")
    groups = np.flatnonzero(last > first).tolist()
    if not groups:
        return None
    with pq.ParquetFile(readable(path), metadata=footer, pre_buffer=True) as file:
        table = file.read_row_groups(groups, columns=list(needed), use_threads=False)
    if _INDEX in table.column_names:
        cells = np.asarray(table.column(_INDEX).to_numpy(), np.int64)
        table = table.filter(region.contains(cells))
    if table.num_rows == 0:
        return None
    columns: dict[str, NDArray[Any]] = {
        name: np.asarray(table.column(name).to_numpy(zero_copy_only=False))
        for name in table.column_names
    }
    return RawTable(columns)


@lru_cache(maxsize=512)
def _footer(path: Path, version: Hashable) -> tuple[Any, NDArray[np.int64], NDArray[np.int64]]:
    """Return a footer and the cells that each row group may hold; all where it does not say."""
    del version
    import pyarrow.parquet as pq

    footer = pq.read_metadata(readable(path))
    names = footer.schema.names
    low = np.zeros(footer.num_row_groups, np.int64)
    high = np.full(footer.num_row_groups, 1 << 62, np.int64)
    if _INDEX in names:
        for k in range(footer.num_row_groups):
            found = footer.row_group(k).column(names.index(_INDEX)).statistics
            if found is not None and found.has_min_max:
                low[k], high[k] = found.min, found.max
    return footer, low, high


def verify_link(linked: LinkedCatalogue) -> list[Damage]:
    """Look whether every file of a published catalogue can be opened; it has no checksums."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    damages = []
    for pixel in linked.partition.pixels:
        try:
            for path in pixel_files(linked.folder, pixel):
                pq.read_metadata(readable(path))
        except (OSError, pa.ArrowInvalid) as error:
            damages.append(Damage(linked.provenance.survey, pixel.path, f"not readable: {error}"))
    return damages
