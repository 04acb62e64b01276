"""The catalogues of a cache, opened once and again when they have changed."""

from __future__ import annotations

import time
from collections.abc import Hashable
from pathlib import Path

from cpcs_desktop.surveys import catalogue as hats
from cpcs_desktop.surveys.catalogue import Catalogue
from cpcs_desktop.surveys.linked import LINK, open_link
from cpcs_desktop.surveys.places import is_remote, version_of

#: Behind an address, a catalogue is asked for its version at most this often.
_REMOTE_S = 30.0


class OpenCatalogues:
    """Catalogues by survey key.

    Parameters
    ----------
    folder : Path
        The cache.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, tuple[Hashable, Catalogue]] = {}
        self._looked: dict[str, float] = {}

    def get(self, key: str) -> Catalogue | None:
        """Return a survey's catalogue as it is now, None when it is not cached.

        Raises
        ------
        CpcsError
            Code ``damaged`` when its descriptions cannot be understood.
        """
        folder = self._folder / key
        if is_remote(folder) and key in self._open:
            now = time.monotonic()
            if now - self._looked.get(key, -_REMOTE_S) < _REMOTE_S:
                return self._open[key][1]
            self._looked[key] = now
        try:
            version = version_of(folder / hats.PARTITION_INFO)
        except FileNotFoundError:
            return self._elsewhere(key, folder)
        known = self._open.get(key)
        if known is not None and known[0] == version:
            return known[1]
        opened = hats.open_catalogue(folder)
        if opened is not None:
            self._open[key] = (version, opened)
        return opened

    def forget(self, key: str) -> None:
        """Open a survey anew the next time."""
        self._open.pop(key, None)

    def _elsewhere(self, key: str, folder: Path) -> Catalogue | None:
        """Return a linked catalogue, or one that a killed program had just finished writing."""
        try:
            version = version_of(folder / LINK)
        except FileNotFoundError:
            self.forget(key)
            return hats.open_catalogue(folder)
        known = self._open.get(key)
        if known is None or known[0] != version:
            linked = open_link(folder, key)
            if linked is None:
                return None
            known = self._open[key] = (version, linked)
        return known[1]
