"""Filling a cache from TAP services: pixel by pixel, so that a stop loses little and no star."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.survey import ReferenceSurvey
from cpcs_desktop.surveys.catalogue import (
    add_stars,
    damaged_pixels,
    drop_damaged,
    open_catalogue,
)
from cpcs_desktop.surveys.coverage import Coverage, cone_coverage
from cpcs_desktop.surveys.motion import unit_vectors
from cpcs_desktop.surveys.partition import PIXEL_ORDER, Pixel
from cpcs_desktop.surveys.patient_session import Patience
from cpcs_desktop.surveys.reading.column_formula import names_in
from cpcs_desktop.surveys.reading.import_columns import choose_columns, to_stars
from cpcs_desktop.surveys.reading.raw_table import RawTable
from cpcs_desktop.surveys.registry import survey
from cpcs_desktop.surveys.star_table import StarTable, concatenate
from cpcs_desktop.surveys.tap import CancelledError, TapClient

MAX_ROWS = 400_000
_FINEST_ORDER = 12
Cone = tuple[float, float, float]


@dataclass(frozen=True)
class FetchProgress:
    """How far a fetch has come.

    Parameters
    ----------
    survey : str
    done, total : int
        Pixels of 0.84 square degrees.
    stars, bytes : int
        What has come in.
    cancelled : bool
        The observer stopped it; what is done stays.
    """

    survey: str
    done: int
    total: int
    stars: int = 0
    bytes: int = 0
    cancelled: bool = False


def missing_pixels(cache_folder: Path, key: str, cones: Iterable[Cone]) -> list[Pixel]:
    """Return the pixels that some fields need and the cache lacks.

    Pixels of damaged files are among them, those outside the fields too.
    """
    region = reduce(Coverage.union, (cone_coverage(*c) for c in cones), Coverage.nowhere())
    have = Coverage.nowhere()
    catalogue = open_catalogue(cache_folder / key)
    if catalogue is not None:
        lost = reduce(
            Coverage.union,
            (p.coverage for p in damaged_pixels(catalogue)),
            Coverage.nowhere(),
        )
        region = region.union(catalogue.coverage.intersection(lost))
        have = catalogue.coverage.difference(lost)
    wanted: list[Pixel] = []
    for order, numbers in region.cells(finest=PIXEL_ORDER).items():
        width = 4 ** (PIXEL_ORDER - order)
        wanted += [Pixel(PIXEL_ORDER, int(n) * width + k) for n in numbers for k in range(width)]
    return sorted(p for p in wanted if not p.coverage.difference(have).is_empty)


def fetch_survey(
    cache_folder: Path,
    key: str,
    cones: Sequence[Cone],
    *,
    url: str | None = None,
    patience: Patience | None = None,
    progress: Callable[[FetchProgress], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> FetchProgress:
    """Bring the missing pixels of some fields into the cache; called again it goes on.

    Parameters
    ----------
    cones : sequence of (float, float, float)
        RA, Dec, radius, degrees.
    url : str, optional
        TAP service, when it is not the registry's.
    progress : callable
        Called often, from this thread and from the one that receives.
    cancelled : callable
        Asked about ten times a second.

    Raises
    ------
    CpcsError
        Code ``no_service`` when the registry knows no service, those of
        :meth:`TapClient.query`, and those of the disk. Pixels that were finished stay.
    """
    declared = survey(key)
    if not (url or declared.tap_url) or not declared.tap_table:
        raise CpcsError(
            "no_service",
            f"No service is known that answers for {declared.name}.",
            f"Download its tables and use cpcs survey import {key}.",
        )
    tell = progress or (lambda _: None)
    pixels = missing_pixels(cache_folder, key, cones)
    state = FetchProgress(key, 0, len(pixels))
    tell(state)

    def received(n: int) -> None:
        nonlocal state
        state = replace(state, bytes=state.bytes + n)
        tell(state)

    if not pixels:
        return state
    client = TapClient(url or declared.tap_url, patience, cancelled, received)
    try:
        query = _Query(client, declared)
        drop_damaged(cache_folder / key, declared)
        for pixel in pixels:
            if cancelled():
                raise CancelledError
            stars = query.stars_of(pixel)
            add_stars(
                cache_folder / key,
                declared,
                stars,
                pixel.coverage,
                [(client.url, len(stars))],
                whole_pixels=(pixel,),
            )
            state = replace(state, done=state.done + 1, stars=state.stars + len(stars))
            tell(state)
    except CancelledError:
        state = replace(state, cancelled=True)
        tell(state)
    return state


def tables_of(declared: ReferenceSurvey) -> list[str]:
    """Return the tables of a survey's ``FROM`` clause: one, or two with ``JOIN ... USING``."""
    left, join, right = declared.tap_table.partition(" JOIN ")
    return [left, right.partition(" USING")[0]] if join else [left]


class _Query:
    """The survey's table at a service, asked pixel by pixel."""

    def __init__(self, client: TapClient, declared: ReferenceSurvey) -> None:
        self._client = client
        self._survey = declared
        found = client.columns(tables_of(declared))
        empty = RawTable({name: np.empty(0) for name in found})
        chosen = choose_columns(empty, declared)
        needed = {n for formula in chosen.values() for n in names_in(formula, empty) or ()}
        needed |= {
            name
            for rule in declared.quality_rules
            for name in [next((c for c in rule.columns if c in empty.columns), None)]
            if name
        }
        quoted = ", ".join(f'"{name}"' for name in found if name in needed)
        source = declared.tap_table
        if "/" in source:
            source = f'"{source}"'
        self._select = f"SELECT {quoted} FROM {source}"  # noqa: S608 - names of the service itself
        self._point = f'"{chosen["ra"]}", "{chosen["dec"]}"'

    def stars_of(self, pixel: Pixel) -> StarTable:
        """Return all stars of a pixel, dividing it where the service's limit is met."""
        ra, dec, radius = _circle_around(pixel)
        adql = (
            f"{self._select} WHERE 1 = CONTAINS(POINT('ICRS', {self._point}), "
            f"CIRCLE('ICRS', {ra:.8f}, {dec:.8f}, {radius:.8f}))"
        )
        answer = self._client.query(adql, maxrec=MAX_ROWS)
        if answer.overflow:
            answer = self._client.query(adql, maxrec=MAX_ROWS, asynchronous=True)
        if answer.overflow:
            if pixel.order >= _FINEST_ORDER:
                raise CpcsError(
                    "service_error",
                    f"The service {self._client.url} never gives a whole answer.",
                    "Its limit is too small; import a file instead.",
                )
            return concatenate([self.stars_of(child) for child in pixel.children()])
        stars = to_stars(answer.table, self._survey).stars
        inside = (stars.healpix_29 >= pixel.start) & (stars.healpix_29 < pixel.end)
        return stars.rows(inside)


def _circle_around(pixel: Pixel) -> Cone:
    """Return a circle that holds a pixel, with a margin for proper motion since J2000."""
    from cdshealpix.nested import healpix_to_lonlat, vertices

    number = np.array([pixel.number])
    lon, lat = healpix_to_lonlat(number, pixel.order)
    corner_lon, corner_lat = vertices(number, pixel.order, step=4)
    centre = unit_vectors(lon.deg, lat.deg)
    corners = unit_vectors(corner_lon.deg.ravel(), corner_lat.deg.ravel())
    reach = np.degrees(2 * np.arcsin(np.linalg.norm(corners - centre, axis=0).max() / 2))
    return float(lon.deg[0]), float(lat.deg[0]), float(reach) * 1.001 + 0.01
