"""What the observer knows better than a file: numbers of cameras, columns of lists."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cpcs_desktop.settings import AppSettings, CameraSettings


@dataclass(frozen=True)
class Reading:
    """Goes with a file to where it is read, in another process too.

    Parameters
    ----------
    cameras : mapping from instrument to CameraSettings
        As the header names the instrument.
    columns : mapping from quantity to column name, or None
        For the list that is read; wins over what is remembered.
    lists : mapping from the names of all columns of a list to such a choice
        What the observer chose for earlier lists.
    """

    cameras: Mapping[str, CameraSettings] = field(default_factory=dict)
    columns: Mapping[str, str] | None = None
    lists: Mapping[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: AppSettings, columns: Mapping[str, str] | None = None) -> Reading:
        """Take from the settings what concerns reading."""
        lists = {choice.columns: choice.chosen for choice in settings.lists}
        return cls(settings.cameras, columns, lists)

    def camera(self, instrument: str | None) -> CameraSettings | None:
        """Return the observer's numbers for an instrument."""
        return self.cameras.get(instrument or "")

    def camera_of(self, frame: str | os.PathLike[str], hdu: int | None) -> CameraSettings | None:
        """Return the observer's numbers for a frame's camera; the frame is opened if need be.

        Raises
        ------
        CpcsError
            ``unreadable`` or ``not_fits``.
        """
        if not self.cameras:
            return None
        from cpcs_desktop.io.frames import instrument_of

        return self.camera(instrument_of(frame, hdu))

    def chosen(self, names: tuple[str, ...]) -> Mapping[str, str] | None:
        """Return the columns chosen for a list with these columns."""
        return self.columns if self.columns is not None else self.lists.get(names)
