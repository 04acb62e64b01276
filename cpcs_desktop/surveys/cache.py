"""The observer's surveys on disk: one HATS catalogue a survey, read without any network."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.survey import ReferenceCatalog
from cpcs_desktop.profile import place_of
from cpcs_desktop.surveys import catalogue as hats
from cpcs_desktop.surveys.cached_survey import CachedSurvey, Damage, age_days
from cpcs_desktop.surveys.catalogue import Catalogue
from cpcs_desktop.surveys.checksums import damage_of, read_checksums
from cpcs_desktop.surveys.cone import as_reference_catalog, stars_in_cone
from cpcs_desktop.surveys.coverage import Coverage, cone_coverage, coverage_of_stars
from cpcs_desktop.surveys.linked import LINK, LinkedCatalogue, verify_link, write_link
from cpcs_desktop.surveys.open_catalogues import OpenCatalogues
from cpcs_desktop.surveys.pack import PackedSurvey, Progress
from cpcs_desktop.surveys.pack import pack as pack_fields
from cpcs_desktop.surveys.pack import unpack as unpack_fields
from cpcs_desktop.surveys.places import is_remote, refuse_remote, size_of
from cpcs_desktop.surveys.reading.import_columns import ImportedStars, to_stars
from cpcs_desktop.surveys.reading.read_table import read_table
from cpcs_desktop.surveys.registry import SURVEYS, survey
from cpcs_desktop.surveys.star_table import concatenate
from cpcs_desktop.surveys.transaction import (
    disk_error,
    locked,
    recover_locked,
    remove_catalogue,
)

if TYPE_CHECKING:
    from cpcs_desktop.surveys.fetch import FetchProgress
    from cpcs_desktop.surveys.patient_session import Patience


__all__ = ["CachedSurvey", "Damage", "SurveyCache", "age_days"]


class SurveyCache:
    """Reference surveys in a folder; a missing folder is an empty cache.

    Parameters
    ----------
    folder : path or str
        One folder a survey inside. Behind an address such as ``s3://bucket/cache`` a cache is
        only read.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = place_of(folder)
        self._catalogues = OpenCatalogues(self.folder)

    def keys(self) -> list[str]:
        """Return the keys of the cached surveys, in the registry's order."""
        marks = (hats.PARTITION_INFO, LINK)
        return [
            key for key in SURVEYS if any((self.folder / key / mark).exists() for mark in marks)
        ]

    def release(self, key: str) -> str:
        """Return the release of a cached survey, for provenance.

        Raises
        ------
        CpcsError
            Code ``not_cached``.
        """
        return self._catalogue(key).provenance.release

    def reference_stars(
        self,
        key: str,
        ra: float,
        dec: float,
        radius_deg: float,
        epoch_jyear: float | None = None,
    ) -> ReferenceCatalog | None:
        """Return a survey's stars in a cone, positions at the epoch.

        Parameters
        ----------
        key : str
            Survey key.
        ra, dec, radius_deg : float
            Degrees.
        epoch_jyear : float or None
            Julian year of the frame; None leaves positions as the survey has them.

        Returns
        -------
        ReferenceCatalog or None
            None when no part of the cone is covered, or the survey is not cached; a catalogue
            without rows when it is covered and empty.
        """
        declared = survey(key)
        for attempt in (1, 2):
            opened = self._catalogues.get(key)
            if opened is None:
                return None
            try:
                stars = stars_in_cone(opened, declared, (ra, dec, radius_deg), epoch_jyear)
            except FileNotFoundError:
                # another program split a pixel between our reading of the list and of the file
                self._catalogues.forget(key)
                if attempt == 2:
                    raise CpcsError(
                        "damaged",
                        f"A file of the survey {key} is missing from {self.folder}.",
                        "Look at it with cpcs survey verify.",
                    ) from None
                continue
            except OSError as error:
                raise _unreadable(key, error) from error
            release = opened.provenance.release
            return None if stars is None else as_reference_catalog(stars, declared, release)
        return None

    def import_files(
        self,
        key: str,
        files: Iterable[str | Path],
        columns: Mapping[str, str] | None = None,
        *,
        release: str | None = None,
        covers: Coverage | None = None,
    ) -> list[ImportedStars]:
        """Read files of stars into the cache, all of them or none.

        Parameters
        ----------
        key : str
            Survey key.
        files : iterable of path
        columns : mapping, optional
            Our names -> published columns; common names need none.
        release : str, optional
            When it is not the release of the registry.
        covers : Coverage, optional
            The region the files stand for; without it, that of their stars.

        Raises
        ------
        CpcsError
            Codes ``unreadable``, ``missing_column``, ``bad_columns``, ``no_stars``,
            ``unknown_survey``, and those of the disk.
        """
        declared = survey(key)
        self._refuse_link(key)
        paths = [Path(path) for path in files]
        imported = [self._read(path, key, columns) for path in paths]
        if imported:
            stars = concatenate([i.stars for i in imported])
            region = coverage_of_stars(stars.healpix_29)
            hats.add_stars(
                self.folder / key,
                declared,
                stars,
                region if covers is None else covers.union(region),
                [(p.name, len(i.stars)) for p, i in zip(paths, imported, strict=True)],
                release=release,
            )
        return imported

    def link(
        self, key: str, folder: str | Path, columns: Mapping[str, str] | None = None
    ) -> CachedSurvey:
        """Use a published HATS catalogue where it lies, read-only.

        Raises
        ------
        CpcsError
            Code ``already_cached`` when the cache has stars of its own of this survey,
            ``unreadable``, ``missing_column``, ``bad_columns``.
        """
        survey(key)
        refuse_remote(self.folder)
        own = self.folder / key
        if (own / hats.PARTITION_INFO).exists():
            raise CpcsError(
                "already_cached",
                f"The cache has stars of {key} of its own.",
                f"Remove them first: cpcs survey remove {key}.",
            )
        write_link(own, key, place_of(folder), columns)
        self._catalogues.forget(key)
        return self.coverage(key)

    def coverage(self, key: str) -> CachedSurvey:
        """Return what is cached of a survey.

        Raises
        ------
        CpcsError
            Code ``not_cached``.
        """
        opened = self._catalogue(key)
        return CachedSurvey(
            key=key,
            release=opened.provenance.release,
            stars=opened.provenance.stars,
            pixels=len(opened.partition.pixels),
            bytes=size_of(opened.folder, [p.path for p in opened.partition.pixels]),
            area_deg2=opened.coverage.area_deg2,
            sources=opened.provenance.sources,
            coverage=opened.coverage,
        )

    def save_moc(self, key: str, path: str | Path) -> None:
        """Save what is covered as a MOC: FITS for ``.fits``, JSON for ``.json``, else ASCII.

        Raises
        ------
        CpcsError
            Code ``not_cached``, and those of the disk.
        """
        region = self._catalogue(key).coverage
        try:
            region.save_moc(Path(path))
        except OSError as error:
            raise disk_error(Path(path), error) from error

    def covered_fraction(self, key: str, ra: float, dec: float, radius_deg: float) -> float:
        """Return which part of a cone a survey covers, 0..1; 0 when it is not cached.

        Parameters
        ----------
        ra, dec, radius_deg : float
            Degrees.
        """
        opened = self._catalogues.get(key)
        if opened is None:
            return 0.0
        cone = cone_coverage(ra, dec, radius_deg)
        return opened.coverage.intersection(cone).area_deg2 / cone.area_deg2

    def verify(self, key: str) -> list[Damage]:
        """Compare every file of a survey with its checksum; an empty list is good news.

        Raises
        ------
        CpcsError
            Code ``not_cached``.
        """
        opened = self._catalogue(key)
        if isinstance(opened, LinkedCatalogue):
            return verify_link(opened)
        folder = opened.folder
        ours = folder == self.folder / key and not is_remote(folder)
        with locked(folder) if ours else contextlib.nullcontext():
            if ours:
                recover_locked(folder)
            sums = read_checksums(folder)
            opened = self._catalogue(key)
            names = [*hats.DESCRIPTIONS, *(p.path for p in opened.partition.pixels)]
            found = ((name, damage_of(folder, name, sums)) for name in names)
            return [Damage(key, name, reason) for name, reason in found if reason]

    def fetch(
        self,
        key: str,
        cones: Sequence[tuple[float, float, float]] = (),
        *,
        url: str | None = None,
        progress: Callable[[FetchProgress], None] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        patience: Patience | None = None,
    ) -> FetchProgress:
        """Bring the missing pixels of some fields, and all damaged ones, from a TAP service.

        See :func:`cpcs_desktop.surveys.fetch.fetch_survey`.
        """
        from cpcs_desktop.surveys.fetch import fetch_survey

        self._refuse_link(key)
        return fetch_survey(
            self.folder,
            key,
            cones,
            url=url,
            patience=patience,
            progress=progress,
            cancelled=cancelled,
        )

    def pack(
        self,
        out: str | Path,
        cones: Sequence[tuple[float, float, float]],
        keys: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> list[PackedSurvey]:
        """Write the fields of a night into one checksummed file; all surveys without ``keys``.

        Raises
        ------
        CpcsError
            Codes ``no_survey_coverage``, ``not_cached``, and those of the disk.
        """
        catalogues = {key: self._catalogue(key) for key in keys or self.keys()}
        return pack_fields(Path(out), catalogues, cones, progress)

    def unpack(self, path: str | Path, progress: Progress | None = None) -> list[PackedSurvey]:
        """Merge a pack into the cache; may be repeated.

        Raises
        ------
        CpcsError
            Codes ``damaged``, ``unreadable``, and those of the disk.
        """
        refuse_remote(self.folder)
        return unpack_fields(Path(path), self.folder, progress)

    def remove(self, key: str) -> None:
        """Remove a survey from the cache.

        Raises
        ------
        CpcsError
            Code ``not_cached``.
        """
        refuse_remote(self.folder)
        if key not in self.keys():
            self._catalogue(key)  # says that there is nothing
        self._catalogues.forget(key)
        remove_catalogue(self.folder / key)

    def _read(self, path: str | Path, key: str, columns: Mapping[str, str] | None) -> ImportedStars:
        imported = to_stars(read_table(path), survey(key), columns)
        if len(imported.stars) == 0:
            raise CpcsError(
                "no_stars",
                f"{path} holds no star with a position and a magnitude.",
                "Check which columns were meant; --columns names them.",
            )
        return imported

    def _refuse_link(self, key: str) -> None:
        refuse_remote(self.folder)
        if (self.folder / key / LINK).exists():
            raise CpcsError(
                "read_only",
                f"{key} is a published catalogue that is only read.",
                f"Remove the link first: cpcs survey remove {key}.",
            )

    def _catalogue(self, key: str) -> Catalogue:
        survey(key)
        opened = self._catalogues.get(key)
        if opened is None:
            raise CpcsError(
                "not_cached",
                f"The survey {key} is not in the cache {self.folder}.",
                f"Bring it in with cpcs survey import {key} FILE or cpcs survey fetch {key}.",
            )
        return opened


def _unreadable(key: str, error: OSError) -> CpcsError:
    return CpcsError(
        "damaged",
        f"A file of the survey {key} cannot be read: {error}.",
        "cpcs survey verify names the damaged files, cpcs survey fetch repairs them.",
    )
