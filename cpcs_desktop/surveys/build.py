"""Whole-sky catalogues out of published ones: pixel by pixel, in any number of processes.

Each published pixel becomes files of ours beside the cache and a line in a journal; what is in the
journal is not done again after an interruption. When all are there the catalogue appears at once.
The pixels know nothing of each other, so any program may hand them out (here, or Dask).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import place_of
from cpcs_desktop.surveys.catalogue import (
    Catalogue,
    add_stars,
    largest_motion,
    open_catalogue,
    stage_descriptions,
    with_ids,
)
from cpcs_desktop.surveys.checksums import sha256_of
from cpcs_desktop.surveys.coverage import Coverage
from cpcs_desktop.surveys.linked import LINK, LinkedCatalogue, open_published
from cpcs_desktop.surveys.partition import Partition, Pixel, split
from cpcs_desktop.surveys.pixel_file import empty_stars, read_pixel, write_pixel
from cpcs_desktop.surveys.places import refuse_remote
from cpcs_desktop.surveys.provenance import Provenance, Source
from cpcs_desktop.surveys.registry import survey
from cpcs_desktop.surveys.star_table import HEALPIX_ORDER
from cpcs_desktop.surveys.transaction import changing, disk_error, replace_file

_SKY = Coverage(np.array([0], np.int64), np.array([12 << (2 * HEALPIX_ORDER)], np.int64))


@dataclass(frozen=True)
class BuildOrder:
    """What is to be built; the same for every process on every machine.

    Parameters
    ----------
    survey : str
    source : str
        Published HATS catalogue: a folder or an address that all processes see.
    cache_folder : str
        On a disk that all processes see.
    columns : mapping of str to str, optional
        Our names -> its columns; common names need none.
    region_moc : str, optional
        Only this part of the sky, ASCII MOC.
    """

    survey: str
    source: str
    cache_folder: str
    columns: Mapping[str, str] | None = None
    region_moc: str | None = None
    #: Whether ids are text; found out when the build begins.
    text_ids: bool = False

    @property
    def folder(self) -> Path:
        """The catalogue that will be."""
        return Path(self.cache_folder) / self.survey

    @property
    def building(self) -> Path:
        """Where its files lie until then."""
        return self.folder.with_name(f".{self.survey}.building")

    @property
    def region(self) -> Coverage:
        """The part of the sky that is wanted."""
        return _SKY if self.region_moc is None else Coverage.from_moc_text(self.region_moc)

    def open_source(self) -> LinkedCatalogue:
        """Open the published catalogue."""
        return open_published(place_of(self.source), self.survey, self.columns)


@dataclass(frozen=True)
class BuiltPixel:
    """What became of one published pixel.

    Parameters
    ----------
    stars, bytes : int
    max_pm : float
        Largest proper motion, mas/yr.
    files : mapping of str to (int, str)
        Pixel of ours ``order/number`` -> its stars and its SHA-256.
    strays : int
        Stars that the survey's epoch puts into another pixel; kept in a file of their own.
    """

    stars: int
    bytes: int
    max_pm: float
    files: Mapping[str, tuple[int, str]]
    strays: int


Run = Callable[[BuildOrder, list[Pixel]], Iterator[BuiltPixel]]


def build_here(order: BuildOrder, pixels: list[Pixel]) -> Iterator[BuiltPixel]:
    """Build pixels one after the other in this process."""
    for pixel in pixels:
        yield build_pixel(order, pixel)


def build(
    order: BuildOrder,
    run: Run = build_here,
    progress: Callable[[int, int, int], None] | None = None,
) -> Catalogue:
    """Build a catalogue; called again after an interruption it goes on.

    Parameters
    ----------
    run : callable
        Given the order and the pixels to do; yields them as they are done, in any order.
    progress : callable, optional
        Called with pixels done, pixels in all, and stars.

    Raises
    ------
    CpcsError
        ``already_cached``, ``no_survey_coverage`` when nothing lies in the region,
        ``other_build`` when an interrupted build of something else waits, and those of the source
        and of the disk.
    """
    folder = order.folder
    refuse_remote(folder)
    there = open_catalogue(folder)
    if there is not None and order.building.exists() and _is_of(there, order):
        return _clear_up(order)  # it appeared, and the last steps were interrupted
    if there is not None or (folder / LINK).exists():
        raise CpcsError(
            "already_cached",
            f"The survey {order.survey} is in the cache already.",
            f"Remove it first: cpcs survey remove {order.survey}.",
        )
    source = order.open_source()
    region = order.region
    wanted = [
        source.partition.pixels[k] for k in source.partition.touched_by(region.start, region.end)
    ]
    if not wanted:
        raise CpcsError(
            "no_survey_coverage", f"{order.source} has nothing in this region.", "Check --cone."
        )
    samples = (source.stars_of(pixel, region, survey(order.survey)) for pixel in wanted)
    sample = next((stars for stars in samples if stars is not None), None)
    order = replace(order, text_ids=sample is not None and sample.source_id.dtype.kind != "i")
    try:
        _begin(order)
        done = {pixel: built for pixel in wanted if (built := _journal(order, pixel)) is not None}
        count, stars = len(done), sum(b.stars for b in done.values())
        tell = progress or (lambda *_: None)
        tell(count, len(wanted), stars)
        for built in run(order, [p for p in wanted if p not in done]):
            count, stars = count + 1, stars + built.stars
            tell(count, len(wanted), stars)
        _appear(order, source, wanted)
    except OSError as error:
        raise disk_error(folder, error) from error
    return _clear_up(order)


def build_pixel(order: BuildOrder, pixel: Pixel) -> BuiltPixel:
    """Turn one published pixel into files of ours; may be repeated.

    The journal's line is written last, and is this pixel's alone.
    """
    declared = survey(order.survey)
    source = order.open_source()
    stars = source.stars_of(pixel, order.region, declared)
    if stars is None:
        stars = empty_stars(declared, text_ids=order.text_ids)
    stars = with_ids(stars, text_ids=order.text_ids)
    inside = (stars.healpix_29 >= pixel.start) & (stars.healpix_29 < pixel.end)
    strays, stars = stars.rows(~inside), stars.rows(inside)
    files, size = {}, 0
    for part, rows in split(pixel, stars.healpix_29).items():
        path = order.building / "files" / part.path
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        write_pixel(temporary, stars.rows(rows), declared, text_ids=order.text_ids)
        files[str(part)] = (len(rows), sha256_of(temporary))
        size += temporary.stat().st_size
        replace_file(temporary, path)
    if len(strays):
        write_pixel(_strays_file(order, pixel), strays, declared, text_ids=order.text_ids)
    built = BuiltPixel(len(stars), size, largest_motion(stars), files, len(strays))
    line = _journal_file(order, pixel)
    temporary = line.with_name(f"{line.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(built)), encoding="utf-8")
    replace_file(temporary, line)
    return built


def _begin(order: BuildOrder) -> None:
    """Make room for a build, or take up the one that was interrupted."""
    for name in ("files", "journal", "strays"):
        (order.building / name).mkdir(parents=True, exist_ok=True)
    said = json.dumps(asdict(order), sort_keys=True)
    note = order.building / "order.json"
    if note.exists() and note.read_text(encoding="utf-8") != said:
        raise CpcsError(
            "other_build",
            f"An interrupted build of {order.survey} with another order waits in {order.building}.",
            "Give that order again, or remove this folder.",
        )
    note.write_text(said, encoding="utf-8")


def _journal_file(order: BuildOrder, pixel: Pixel) -> Path:
    return order.building / "journal" / f"{pixel.order}-{pixel.number}.json"


def _strays_file(order: BuildOrder, pixel: Pixel) -> Path:
    return order.building / "strays" / f"{pixel.order}-{pixel.number}.parquet"


def _journal(order: BuildOrder, pixel: Pixel) -> BuiltPixel | None:
    """Return what the journal says of a pixel, None when it has to be done."""
    try:
        built = BuiltPixel(**json.loads(_journal_file(order, pixel).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    files = order.building / "files"
    there = all((files / _pixel(name).path).exists() for name in built.files)
    return built if there else None


def _appear(order: BuildOrder, source: LinkedCatalogue, pixels: Iterable[Pixel]) -> None:
    """Let the catalogue appear."""
    declared = survey(order.survey)
    counts: dict[str, int] = {}
    sums: dict[str, str] = {}
    max_pm = 0.0
    for pixel in pixels:
        built = _journal(order, pixel)
        if built is None:
            raise CpcsError(
                "damaged", f"The pixel {pixel} was not built.", "Give the same order again."
            )
        max_pm = max(max_pm, built.max_pm)
        for name, (stars, digest) in built.files.items():
            counts[name], sums[_pixel(name).path] = stars, digest
    with changing(order.folder) as transaction:
        for path in sums:
            _link(order.building / "files" / path, transaction.stage(path))
        provenance = Provenance(
            survey=order.survey,
            release=source.provenance.release,
            text_ids=order.text_ids,
            max_pm=max_pm,
            counts=counts,
            sources=(Source.of_now(order.source, sum(counts.values())),),
        )
        partition = Partition.of([_pixel(name) for name in counts])
        coverage = source.coverage.intersection(order.region)
        made = Catalogue(order.folder, provenance, partition, coverage)
        stage_descriptions(transaction, declared, made, sums)
        transaction.commit()


def _is_of(made: Catalogue, order: BuildOrder) -> bool:
    return bool(made.provenance.sources) and made.provenance.sources[0].source == order.source


def _clear_up(order: BuildOrder) -> Catalogue:
    """Add the few stars that changed their pixel, and leave nothing behind; may be repeated."""
    declared = survey(order.survey)
    for file in sorted((order.building / "strays").glob("*.parquet")):
        add_stars(order.folder, declared, read_pixel(file, declared), Coverage.nowhere(), [])
        file.unlink()
    shutil.rmtree(order.building, ignore_errors=True)
    made = open_catalogue(order.folder)
    assert made is not None
    return made


def _link(source: Path, target: Path) -> None:
    """Give a file a second name: an interruption then loses nothing; copy where disks cannot."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _pixel(name: str) -> Pixel:
    return Pixel(*(int(v) for v in name.split("/")))
