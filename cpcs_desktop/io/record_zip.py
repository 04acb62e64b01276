"""The evidence behind a point as one zip file that opens anywhere.

Inside: ``record.json`` (the point and its evidence), ``source_list.ecsv`` (every measured source),
``matched_stars.csv`` (the stars of the fit, for people and other programs) and ``manifest.json``
with the SHA-256 of each. The same record gives the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

from pydantic import ValidationError

from cpcs_desktop import __version__
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.wire import PointSubmission

FORMAT = "cpcs-record 1"
LARGEST_PART = 256 * 2**20
_OLDEST = (1980, 1, 1, 0, 0, 0)  # a zip file must name a time; this one says nothing


def write_record(submission: PointSubmission, file: Path) -> None:
    """Write a record; an existing file is replaced as a whole.

    Raises
    ------
    CpcsError
        ``unwritable``.
    """
    source_list = None if submission.evidence is None else submission.evidence.source_list
    slim = submission
    if submission.evidence is not None:
        without = submission.evidence.model_copy(update={"source_list": None})
        slim = submission.model_copy(update={"evidence": without})
    parts = {"record.json": slim.model_dump_json(indent=1).encode()}
    if source_list is not None:
        parts["source_list.ecsv"] = source_list.encode()
    if submission.evidence is not None and submission.evidence.stars:
        parts["matched_stars.csv"] = _stars_csv(submission.evidence.stars)
    manifest = {
        "format": FORMAT,
        "written_by": f"cpcs-desktop {__version__}",
        "point_id": submission.point.id,
        "revision": submission.point.revision,
        "sha256": {name: hashlib.sha256(part).hexdigest() for name, part in parts.items()},
    }
    parts["manifest.json"] = json.dumps(manifest, indent=1, sort_keys=True).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(parts):
            archive.writestr(zipfile.ZipInfo(name, _OLDEST), parts[name], zipfile.ZIP_DEFLATED, 6)
    temporary = file.with_name(file.name + ".part")
    try:
        temporary.write_bytes(packed.getvalue())
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CpcsError("unwritable", f"{file} cannot be written: {error.strerror}.") from error


def read_record(file: Path) -> PointSubmission:
    """Read a record back.

    Raises
    ------
    CpcsError
        ``unreadable``, ``bad_record`` when it is none, or was changed after it was written.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            parts = {name: _part(archive, name) for name in archive.namelist()}
    except OSError as error:
        raise CpcsError("unreadable", f"{file} cannot be read: {error.strerror}.") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise _bad(file, "it is no zip file, or a damaged one") from error
    try:
        manifest = json.loads(parts["manifest.json"])
        if manifest["format"] != FORMAT:
            raise _bad(file, f"its format is {str(manifest['format'])[:40]}, not {FORMAT}")
        for name, expected in manifest["sha256"].items():
            if hashlib.sha256(parts[name]).hexdigest() != expected:
                raise _bad(file, f"{name} was changed after the record was written")
        submission = PointSubmission.model_validate_json(parts["record.json"])
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise _bad(file, "parts of it are missing") from error
    if submission.evidence is not None and "source_list.ecsv" in parts:
        whole = submission.evidence.model_copy(
            update={"source_list": parts["source_list.ecsv"].decode()}
        )
        submission = submission.model_copy(update={"evidence": whole})
    return submission


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    """Unpack one part; nothing is ever written to disk under its name."""
    if archive.getinfo(name).file_size > LARGEST_PART:
        raise zipfile.BadZipFile("too large")
    return archive.read(name)


def _bad(file: Path, why: str) -> CpcsError:
    return CpcsError(
        "bad_record", f"{file} is no record of a point: {why}.", "Ask for the file once more."
    )


def _stars_csv(stars: dict[str, list[float | int | bool | str | None]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    names = sorted(stars)
    writer.writerow(names)
    for row in zip(*(stars[name] for name in names), strict=True):
        writer.writerow(["" if value is None else value for value in row])
    return text.getvalue().encode()
