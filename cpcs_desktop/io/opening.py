"""Opening files by content: compression, FITS structure, and known errors instead of tracebacks."""

from __future__ import annotations

import bz2
import functools
import gzip
import hashlib
import io
import lzma
import mmap
import os
import sys
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from astropy.io import fits

#: A compressed file that unpacks to more than this is not a frame of ours (bytes).
UNPACKED_LIMIT = 4 << 30
READ_PIECE = 1 << 24
HASHED_PIECE = 1 << 23
FITS_BLOCK = 2880
CARD_LENGTH = 80
#: FITS allows no more axes, and no more columns.
LARGEST_COUNT = 999
_SETTLED_NS = 2_000_000_000  # after which a file's time tells every later change
_PASSED: dict[str, tuple[int, int, int, int]] = {}


@functools.cache
def fits_failures() -> tuple[type[Exception], ...]:
    """Return what astropy raises for damaged headers and tables; all are known failures here."""
    from astropy.io.fits.verify import VerifyError

    return (
        *(OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
        # astropy raises some of its warnings about broken VOTables
        *(MemoryError, AssertionError, RuntimeError, VerifyError, Warning),
        UnboundLocalError,  # a column of which no format is left
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what libraries say of odd headers; what matters becomes a field or an error.

    astropy's log is silenced too: it goes to stdout, which belongs to the results.
    """
    astropy = sys.modules.get("astropy")  # its log must not be made before it is imported
    log = None if astropy is None else getattr(astropy, "log", None)
    level = None if log is None else log.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if log is not None:
                log.setLevel("ERROR")
            yield
        finally:
            if log is not None:
                log.setLevel(level)


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes as they are on disk.

    Raises
    ------
    CpcsError
        Code ``unreadable``.
    """
    digest = hashlib.sha256()
    with readable(path) as stream:
        # long pieces: the interpreter is needed between two of them, and others may hold it
        piece = memoryview(bytearray(min(HASHED_PIECE, os.fstat(stream.fileno()).st_size + 1)))
        while size := stream.readinto(piece):  # type: ignore[attr-defined]
            digest.update(piece[:size])
    return digest.hexdigest()


@contextmanager
def readable(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for reading; what the disk refuses becomes a known error.

    Raises
    ------
    CpcsError
        Code ``unreadable``.
    """
    try:
        opened = Path(path).open("rb")  # noqa: SIM115  closed by the block below
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise unreadable(path, f"cannot be opened ({reason})") from error
    with opened as stream:
        yield stream


def unreadable(path: str | os.PathLike[str], what: str, hint: str = "") -> CpcsError:
    """Return the error for a file that cannot be used, ``NAME WHAT.``."""
    return CpcsError("unreadable", f"{Path(path).name} {what}.", hint or "Check the file.")


def is_packed(head: bytes) -> bool:
    """Say whether these first bytes belong to a gzip, bzip2 or xz file."""
    return head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"))


def unpacking_stream(stream: BinaryIO, head: bytes) -> BinaryIO:
    """Wrap a file in the decompressor its first bytes ask for; plain files pass unchanged."""
    if head.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    if head.startswith(b"BZh"):
        return cast("BinaryIO", bz2.BZ2File(stream))
    if head.startswith(b"\xfd7zXZ\x00"):
        return cast("BinaryIO", lzma.LZMAFile(stream))
    return stream


def first_bytes(path: str | os.PathLike[str], size: int = FITS_BLOCK) -> bytes:
    """Return the first bytes of a file, unpacked if it is compressed.

    Raises
    ------
    CpcsError
        Code ``unreadable`` for missing, empty and damaged files.
    """
    with readable(path) as stream:
        head = stream.read(16)
        stream.seek(0)
        try:
            content = unpacking_stream(stream, head).read(size)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise unreadable(
                path, "is damaged: it cannot be unpacked", "Fetch it again."
            ) from error
    if not content:
        raise unreadable(path, "is empty", "Fetch or save it again.")
    return content


def whole_content(path: str | os.PathLike[str], limit: int = UNPACKED_LIMIT) -> bytes:
    """Return the whole content of a file, unpacked if it is compressed.

    Raises
    ------
    CpcsError
        Code ``unreadable`` for missing, damaged and absurdly large files.
    """
    with readable(path) as stream:
        head = stream.read(16)
        stream.seek(0)
        try:
            content = _read_in_pieces(unpacking_stream(stream, head), limit + 1)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise unreadable(
                path, "is damaged: it cannot be unpacked", "Fetch it again."
            ) from error
    if len(content) > limit:
        raise unreadable(path, "unpacks to more than 4 GiB")
    return content


def _read_in_pieces(stream: BinaryIO, limit: int) -> bytes:
    """Read at most so many bytes; a single read would ask for memory for all of them at once."""
    pieces, size = [], 0
    while size < limit and (piece := stream.read(min(READ_PIECE, limit - size))):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


@contextmanager
def open_fits(
    path: str | os.PathLike[str], *, scale: bool = True, packed_tiles: bool = False
) -> Iterator[fits.HDUList]:
    """Open a FITS file, compressed or not; warnings of odd headers are silenced inside.

    Parameters
    ----------
    path : path
    scale : bool
        False leaves integer pixels as stored.
    packed_tiles : bool
        True shows tile-compressed images as the tables they are stored in.

    Raises
    ------
    CpcsError
        ``unreadable`` for missing or damaged files, ``not_fits`` for other content. Damage that
        shows only while reading inside the block becomes ``unreadable`` too.
    """
    from astropy.io import fits

    head = first_bytes(path)
    if not head.startswith(b"SIMPLE"):
        raise CpcsError(
            "not_fits",
            f"{Path(path).name} is not a FITS file.",
            "Give a FITS image or a SExtractor list.",
        )
    with readable(path) as stream:
        packed = is_packed(stream.read(16))
    source: Path | io.BytesIO
    if packed:
        content = whole_content(path)
        _check_counts(path, content)
        source = io.BytesIO(content)
    else:
        _check_counts_of_file(path)
        source = Path(path)
    with quiet():
        try:
            with fits.open(
                source,
                memmap=not packed and not scale,  # scaled pixels cannot be mapped
                do_not_scale_image_data=not scale,
                disable_image_compression=packed_tiles,
                ignore_missing_end=False,
                ignore_missing_simple=False,
            ) as hdus:
                len(hdus)  # reads every header now, so that damage shows here
                yield hdus
        except fits_failures() as error:
            raise unreadable(
                path, f"is damaged ({_short(error)})", "Fetch or save it again."
            ) from error


@contextmanager
def mapped(stream: BinaryIO) -> Iterator[mmap.mmap]:
    """Map an open file's content, read only."""
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def _check_counts_of_file(path: str | os.PathLike[str]) -> None:
    """Check a file that is not packed, unless it has passed since it was last written.

    A frame is opened four times on its way. What was written in the last seconds is always looked
    at: two changes may carry the same time.
    """
    with readable(path) as stream:
        state = os.fstat(stream.fileno())
        mark = state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
        if _PASSED.get(os.fspath(path)) == mark:
            return
        with mapped(stream) as content:
            _check_counts(path, content)
        if time.time_ns() - state.st_mtime_ns > _SETTLED_NS:
            _PASSED.clear()  # the frame at hand is enough
            _PASSED[os.fspath(path)] = mark


def _check_counts(path: str | os.PathLike[str], content: bytes | mmap.mmap) -> None:
    """Refuse headers that claim more axes or columns than FITS has, or fewer than none.

    astropy would make them all, or read the same header for ever behind an image of negative size.
    """
    import numpy as np

    cards = len(content) // CARD_LENGTH
    words = np.frombuffer(content, dtype=np.uint64, count=cards * CARD_LENGTH // 8)
    starts = words[:: CARD_LENGTH // 8]
    found = []
    sizes = starts & np.frombuffer(b"\xff" * 5 + b"\x00" * 3, dtype=np.uint64)[0]
    for keyword in (b"NAXIS", b"ZNAXIS  ", b"TFIELDS ", b"PCOUNT  ", b"GCOUNT  "):
        asked = sizes if keyword == b"NAXIS" else starts
        places = np.flatnonzero(asked == np.frombuffer(keyword.ljust(8, b"\0"), dtype=np.uint64)[0])
        found += [int(n) * CARD_LENGTH for n in places]
    del words, starts, sizes, asked  # a map with views of it cannot be closed
    for at in found:
        number = content[at + 10 : at + 30].split(b"/")[0].strip()
        name = content[at : at + 8].decode("ascii", errors="replace").strip()
        counted = name in {"NAXIS", "ZNAXIS", "TFIELDS"}
        negative = number.startswith(b"-") and number[1:].isdigit() and int(number) < 0
        if negative or (counted and number.isdigit() and int(number) > LARGEST_COUNT):
            raise unreadable(path, f"is damaged ({name} is {number.decode()})")


def _short(error: BaseException) -> str:
    if "recformat" in str(error):  # astropy's name for it
        return "the columns of a table are not described"
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:120].rstrip(".")
