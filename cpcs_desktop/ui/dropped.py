"""Files behind what was dropped or chosen: of folders, what could be frames or lists."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def files_in(paths: Iterable[str | Path]) -> Iterable[str]:
    """Yield files, and of folders the files that could be frames or lists, by name."""
    for path in paths:
        folder = Path(path)
        if not folder.is_dir():
            yield str(path)
            continue
        for file in sorted(folder.rglob("*")):
            name = file.name.lower()
            if file.is_file() and not name.startswith(".") and name.endswith(_LIKELY):
                yield str(file)


_LIKELY = tuple(
    stem + packed
    for stem in (".fits", ".fit", ".fts", ".cat", ".ldac", ".sex", ".ecsv")
    for packed in ("", ".gz", ".fz", ".bz2")
)
