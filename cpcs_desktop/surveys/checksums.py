"""SHA-256 of every file of a catalogue, in the format of ``sha256sum``."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError

CHECKSUMS = "SHA256SUMS"


def read_checksums(folder: Path) -> dict[str, str]:
    """Return file -> SHA-256 of a catalogue, as ``sha256sum -c`` would read it."""
    try:
        text = (folder / CHECKSUMS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    pairs = (line.partition("  ") for line in text.splitlines() if line)
    return {name: digest for digest, _, name in pairs}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damage_of(folder: Path, name: str, sums: dict[str, str]) -> str | None:
    """Say what is wrong with a file of a catalogue, None when it is as it was written."""
    path = folder / name
    if not path.exists():
        return "the file is missing"
    if name not in sums:
        return "no checksum of it was kept"
    return None if sha256_of(path) == sums[name] else "its content has changed"


def check_file(folder: Path, name: str, sums: dict[str, str]) -> None:
    """Refuse to build on a damaged file.

    Raises
    ------
    CpcsError
        Code ``damaged``.
    """
    damage = damage_of(folder, name, sums)
    if damage is not None:
        raise CpcsError(
            "damaged",
            f"{folder.name}: {name} is damaged: {damage}.",
            "Repair it with cpcs survey fetch, or remove the survey and import it again.",
        )
