"""Whether the clock that dates the frames and this computer's clock tell the same time.

A file straight from the camera is written when its exposure ends. If its header tells of another
moment, a whole number of (half) hours away, somebody wrote local time where UTC belongs, or one of
the two machines has the wrong time zone.
"""

from __future__ import annotations

from cpcs_desktop.wire import UNIX_EPOCH_MJD

_FRESH_S = 600.0
_AHEAD_S = 60.0
_NEAR_S = 150.0  # reading out and writing a frame takes less
_ZONE_S = 1800.0
_FARTHEST_S = 14 * 3600.0


def clock_doubt(mjd: float, exposure_s: float | None, written_s: float, now_s: float) -> str | None:
    """Say how the times of a frame and of its file disagree; None where they do not.

    Parameters
    ----------
    mjd : float
        Mid-exposure as the header tells it, UTC.
    exposure_s : float or None
    written_s : float
        When the file was written, Unix time; files older than ten minutes tell nothing, because
        they may have been copied or reduced.
    now_s : float
        This computer's clock, Unix time.
    """
    if not 0 <= now_s - written_s <= _FRESH_S:
        return None
    end_s = (mjd - UNIX_EPOCH_MJD) * 86400.0 + (exposure_s or 0.0) / 2.0
    late = written_s - end_s
    zones = round(late / _ZONE_S)
    if zones and abs(late - zones * _ZONE_S) <= _NEAR_S and abs(late) <= _FARTHEST_S:
        hours = zones * _ZONE_S / 3600.0
        word = "behind" if hours > 0 else "ahead of"
        return (
            f"The frames are dated {abs(hours):g} h {word} this computer's clock: local time "
            "instead of UTC in the header, or a wrong time zone on one of the two machines."
        )
    if late < -_AHEAD_S:
        return (
            f"The frames are dated {-late / 60.0:.0f} min ahead of this computer's clock: one of "
            "the two clocks is wrong."
        )
    return None
