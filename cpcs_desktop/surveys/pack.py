"""One checksummed file with the fields of a night, for a telescope machine without network.

A pack is a tar file: ``manifest.json`` first, with the release, coverage and provenance of every
survey and the SHA-256 of every member; ``manifest.sha256``; then the stars, one Parquet member for
each pixel of each survey, cut to the fields.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.catalogue import Catalogue, add_stars
from cpcs_desktop.surveys.checksums import sha256_of
from cpcs_desktop.surveys.coverage import Coverage, cone_coverage
from cpcs_desktop.surveys.pixel_file import empty_stars, from_arrow, write_pixel
from cpcs_desktop.surveys.registry import survey
from cpcs_desktop.surveys.star_table import StarTable, concatenate
from cpcs_desktop.surveys.transaction import disk_error, replace_file

FORMAT = "cpcs survey pack 1"
_MANIFEST = "manifest.json"
_MANIFEST_SUM = "manifest.sha256"
_STARS_AT_ONCE = 500_000
Cone = tuple[float, float, float]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PackedSurvey:
    """What a pack holds, or brought, of one survey.

    Parameters
    ----------
    survey, release : str
    stars : int
    fraction : float
        Which part of the fields is covered, 0..1.
    """

    survey: str
    release: str
    stars: int
    fraction: float


def pack(
    out: Path,
    catalogues: dict[str, Catalogue],
    cones: Sequence[Cone],
    progress: Progress | None = None,
) -> list[PackedSurvey]:
    """Write the stars of some fields into one file.

    Parameters
    ----------
    out : Path
        Appears only when it is whole.
    catalogues : dict of str to Catalogue
        Surveys to take.
    cones : sequence of (float, float, float)
        RA, Dec, radius of the fields, degrees.
    progress : callable, optional
        Called with the survey, pixels done and pixels to do.

    Raises
    ------
    CpcsError
        Code ``no_survey_coverage`` when no survey covers any part of the fields, ``disk_full``,
        ``unwritable``.
    """
    region = reduce(Coverage.union, (cone_coverage(*c) for c in cones), Coverage.nowhere())
    partial = out.with_name(out.name + ".partial")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            manifest: dict[str, Any] = {"format": FORMAT, "cones": cones, "surveys": {}}
            packed = []
            for key, catalogue in catalogues.items():
                covered = catalogue.coverage.intersection(region)
                if covered.is_empty:
                    continue
                files = _write_survey(Path(folder), key, catalogue, region, progress)
                stars = sum(f["stars"] for f in files)
                manifest["surveys"][key] = {
                    "release": catalogue.provenance.release,
                    "citation": survey(key).citation,
                    "licence": survey(key).licence,
                    "sources": [vars(s) for s in catalogue.provenance.sources],
                    "coverage": covered.as_moc_text().strip(),
                    "files": files,
                }
                fraction = covered.area_deg2 / region.area_deg2
                packed.append(PackedSurvey(key, catalogue.provenance.release, stars, fraction))
            if not packed:
                raise CpcsError(
                    "no_survey_coverage",
                    "No cached survey covers any part of these fields.",
                    "Fetch or import surveys there before packing.",
                )
            _write_tar(partial, manifest, Path(folder))
        replace_file(partial, out)
    except OSError as error:
        raise disk_error(out, error) from error
    finally:
        partial.unlink(missing_ok=True)
    return packed


def unpack(path: Path, cache_folder: Path, progress: Progress | None = None) -> list[PackedSurvey]:
    """Merge a pack into a cache; may be repeated, also after it was interrupted.

    Every member is compared with its checksum before anything is written.

    Raises
    ------
    CpcsError
        Code ``damaged`` when the pack is not as it was written, ``unreadable`` when it is no pack,
        and those of the disk.
    """
    try:
        with tarfile.open(path) as tar:
            manifest = _read_manifest(tar, path)
            _check_members(tar, manifest, path)
            return [
                _unpack_survey(tar, key, described, manifest["cones"], cache_folder, progress)
                for key, described in manifest["surveys"].items()
            ]
    except (tarfile.TarError, EOFError) as error:
        raise CpcsError(
            "damaged", f"{path} is not a whole pack: {error}.", "Copy or pack it again."
        ) from error
    except OSError as error:
        raise CpcsError(
            "unreadable",
            f"{path} cannot be read: {error.strerror or error}.",
            "Check the path and the stick.",
        ) from error


def _write_survey(
    folder: Path, key: str, catalogue: Catalogue, region: Coverage, progress: Progress | None
) -> list[dict[str, Any]]:
    declared = survey(key)
    places = catalogue.partition.touched_by(region.start, region.end)
    files = []
    for done, place in enumerate(places):
        pixel = catalogue.partition.pixels[place]
        stars = catalogue.stars_of(pixel, region, declared)
        if stars is not None:
            name = f"{key}/{pixel.order}-{pixel.number}.parquet"
            text_ids = stars.source_id.dtype.kind != "i"
            write_pixel(folder / name, stars, declared, text_ids=text_ids)
            files.append({"name": name, "sha256": sha256_of(folder / name), "stars": len(stars)})
        if progress:
            progress(key, done + 1, len(places))
    return files


def _write_tar(partial: Path, manifest: dict[str, Any], folder: Path) -> None:
    text = json.dumps(manifest, indent=1).encode()
    with tarfile.open(partial, "w") as tar:
        for name, content in (
            (_MANIFEST, text),
            (_MANIFEST_SUM, hashlib.sha256(text).hexdigest().encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for described in manifest["surveys"].values():
            for file in described["files"]:
                tar.add(folder / file["name"], arcname=file["name"])


def _read_manifest(tar: tarfile.TarFile, path: Path) -> dict[str, Any]:
    try:
        text = _member(tar, _MANIFEST)
        digest = _member(tar, _MANIFEST_SUM).decode()
    except (KeyError, UnicodeDecodeError):
        raise CpcsError(
            "unreadable", f"{path} is not a survey pack.", "Make one with cpcs survey pack."
        ) from None
    if hashlib.sha256(text).hexdigest() != digest:
        raise CpcsError(
            "damaged", f"The list of contents of {path} is damaged.", "Copy or pack it again."
        )
    manifest: dict[str, Any] = json.loads(text)
    if manifest.get("format") != FORMAT:
        raise CpcsError(
            "unreadable",
            f"{path} is a pack of another kind, “{manifest.get('format')}”.",
            "It was made by another version of this program: use that one, or pack again.",
        )
    for key in manifest["surveys"]:
        survey(key)
    return manifest


def _check_members(tar: tarfile.TarFile, manifest: dict[str, Any], path: Path) -> None:
    for described in manifest["surveys"].values():
        for file in described["files"]:
            try:
                content = _member(tar, file["name"])
            except KeyError:
                content = b""
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                raise CpcsError(
                    "damaged",
                    f"{file['name']} in {path} is damaged.",
                    "Copy or pack it again; nothing was changed in the cache.",
                )


def _unpack_survey(
    tar: tarfile.TarFile,
    key: str,
    described: dict[str, Any],
    cones: Sequence[Cone],
    cache_folder: Path,
    progress: Progress | None,
) -> PackedSurvey:
    import pyarrow as pa
    import pyarrow.parquet as pq

    declared = survey(key)
    coverage = Coverage.from_moc_text(described["coverage"])
    waiting: list[StarTable] = []
    files = described["files"]
    for done, file in enumerate(files):
        table = pq.read_table(pa.BufferReader(_member(tar, file["name"])))
        waiting.append(from_arrow(table, declared))
        last = done + 1 == len(files)
        if last or sum(map(len, waiting)) > _STARS_AT_ONCE:
            stars = concatenate(waiting)
            waiting = []
            add_stars(
                cache_folder / key,
                declared,
                stars,
                # what is covered is said once everything is there
                coverage if last else Coverage.nowhere(),
                [(s["source"], 0) for s in described["sources"]],
                release=described["release"],
            )
        if progress:
            progress(key, done + 1, len(files))
    if not files:
        empty = empty_stars(declared, text_ids=False)
        add_stars(cache_folder / key, declared, empty, coverage, [], release=described["release"])
    region = reduce(
        Coverage.union, (cone_coverage(ra, dec, r) for ra, dec, r in cones), Coverage.nowhere()
    )
    n = sum(f["stars"] for f in files)
    return PackedSurvey(key, described["release"], n, coverage.area_deg2 / region.area_deg2)


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    with file:
        return file.read()
