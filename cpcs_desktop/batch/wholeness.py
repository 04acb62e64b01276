"""Whether a file is all there, or its writer still at work."""

from __future__ import annotations

from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError


def is_whole(path: Path) -> bool:
    """Say whether a file can be read to its promised end.

    A FITS file is whole when the data of its last HDU is there, a compressed one when it unpacks.
    Text tells nothing of its end: a list is whole when its last line is.
    """
    from cpcs_desktop.io.opening import first_bytes, is_packed, open_fits, readable

    try:
        with readable(path) as stream:
            packed = is_packed(stream.read(16))
            size = stream.seek(0, 2)
            if not packed:
                stream.seek(max(0, size - 1))
                last = stream.read(1)
        if first_bytes(path).startswith(b"SIMPLE"):
            with open_fits(path) as hdus:  # unpacks; reads every header
                where = hdus[-1].fileinfo()
                promised = where["datLoc"] + hdus[-1].size
            return packed or bool(promised <= size)
        if packed:
            from cpcs_desktop.io.opening import whole_content

            return bool(whole_content(path))
    except CpcsError:
        return False
    return last == b"\n" or not _is_text(path)


def _is_text(path: Path) -> bool:
    from cpcs_desktop.io.opening import first_bytes

    return b"\0" not in first_bytes(path)
