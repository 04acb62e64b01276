"""Inputs of the command line: files, folders, ``PATH[N]`` for one HDU, ``PATH[each]`` for all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError

_HDU = re.compile(r"^(?P<file>.+)\[(?P<hdu>\d+)\]$")
#: After a file's name: every image it holds.
EACH = "[each]"
#: Files of a folder that are worth opening; a file named on the command line is always opened.
SUFFIXES = (
    ".fits", ".fit", ".fts", ".fz", ".fits.gz", ".fit.gz", ".fts.gz", ".fits.bz2", ".cat", ".ldac",
    ".sex", ".txt", ".vot", ".xml", ".ecsv", ".csv", ".parquet",
)  # fmt: skip


@dataclass(frozen=True)
class Input:
    """One input: as typed (for a folder: folder/relative), the file, and its HDU.

    ``stamp`` is the file's size and time (ns) where somebody watches it.
    """

    typed: str
    file: Path
    hdu: int | None
    error: CpcsError | None = None
    stamp: tuple[int, int] | None = None


def expand_inputs(paths: Sequence[str], hdu: int | None = None) -> Iterator[Input]:
    """Yield the inputs in the order given; a folder's files in the order of their names.

    A missing path is an input with an error, not wrong usage.
    """
    for typed in paths:
        path = Path(typed)
        if path.is_dir():
            yield from _folder(typed, path, hdu)
            continue
        if typed.endswith(EACH) and not path.exists():
            yield from _each(typed)
            continue
        number = _HDU.match(typed)
        if number is not None and not path.exists():
            yield Input(typed, Path(number["file"]), int(number["hdu"]))
        else:
            yield Input(typed, path, hdu)


def _each(typed: str) -> Iterator[Input]:
    """Yield every image of the sky that a file holds, ``PATH[1]``, ``PATH[2]`` ..."""
    from cpcs_desktop.io.frames import image_hdus

    name = typed.removesuffix(EACH)
    try:
        numbers = [image.number for image in image_hdus(name) if image.is_sky]
    except CpcsError as error:
        yield Input(typed, Path(name), None, error)
        return
    for number in numbers:
        yield Input(f"{name}[{number}]", Path(name), number)
    if not numbers:
        yield Input(typed, Path(name), None)  # the reader says what is wrong


def _folder(typed: str, path: Path, hdu: int | None) -> Iterator[Input]:
    files = sorted(f for f in path.rglob("*") if f.is_file() and f.name.lower().endswith(SUFFIXES))
    for file in files:
        yield Input(f"{typed.rstrip('/')}/{file.relative_to(path).as_posix()}", file, hdu)
    if not files:
        yield Input(
            typed,
            path,
            hdu,
            CpcsError(
                "unreadable",
                f"The folder {typed} holds no frames or source lists.",
                f"Files must end in one of {' '.join(SUFFIXES)}.",
            ),
        )
