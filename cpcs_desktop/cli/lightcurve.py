"""``cpcs lightcurve``: the shared light curve of an event, printed or exported."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpcs_desktop.cli.options import Profile, chat, fail, profile_options
from cpcs_desktop.cli.server import optional_client
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from cpcs_desktop.datamodel.point import LightCurve, LightCurvePoint


@click.command()
@click.argument("ivorn")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["cpcs", "csv", "votable", "aavso", "ecsv", "parquet"]),
    default="cpcs",
    show_default=True,
)
@click.option("-o", "output", metavar="FILE", help="Write into FILE instead of stdout.")
@click.option("--offline", is_flag=True, help="Use what is on this machine, ask no server.")
@click.option("--band", multiple=True, metavar="SURVEY/band", help="Only these bands.")
@click.option("--observatory", multiple=True, help="Only these observatories.")
@click.option("--from-mjd", type=float, help="Only points from this MJD on.")
@click.option("--to-mjd", type=float, help="Only points up to this MJD.")
@click.option("--withdrawn", is_flag=True, help="Withdrawn points, too.")
@click.option("--obscode", default="na", help="AAVSO code of the observer (aavso).")
@click.option("--star", help="Name of the star in the AAVSO's index (aavso).")
@profile_options
def command(
    profile: Profile,
    ivorn: str,
    file_format: str,
    output: str | None,
    offline: bool,
    band: tuple[str, ...],
    observatory: tuple[str, ...],
    from_mjd: float | None,
    to_mjd: float | None,
    withdrawn: bool,
    obscode: str,
    star: str | None,
) -> None:
    """Print or export the shared light curve of an event.

    Without a server, or with --offline, the points fetched last are used.
    """
    from cpcs_desktop.io.aavso import AavsoHeader, publishable
    from cpcs_desktop.io.light_curves import write_light_curve
    from cpcs_desktop.sync.events import EventList

    try:
        curve = _light_curve(profile, ivorn, offline=offline, withdrawn=withdrawn)

        def wanted(point: LightCurvePoint) -> bool:
            return (
                (not band or point.band in band)
                and (not observatory or point.observatory in observatory)
                and (from_mjd is None or point.mjd >= from_mjd)
                and (to_mjd is None or point.mjd <= to_mjd)
            )

        curve = replace(curve, points=tuple(p for p in curve.points if wanted(p)))
        if file_format == "aavso":
            left_out = sum(not publishable(point) for point in curve.points)
            if left_out:
                chat(f"{left_out} points with errors above 1 mag or withdrawn are left out.")
            if obscode == "na":
                chat("The AAVSO wants the observer's code: give it with --obscode.")
        write_light_curve(
            curve,
            Path(output) if output else sys.stdout.buffer,
            file_format,
            event=EventList(profile.outbox_file).get(ivorn),
            aavso=AavsoHeader(obscode=obscode, star=star),
        )
        sys.stdout.buffer.flush()
    except CpcsError as error:
        fail(error)
    if output:
        chat(f"{len(curve.points)} points in {output}.")


def _light_curve(profile: Profile, ivorn: str, *, offline: bool, withdrawn: bool) -> LightCurve:
    """Return the light curve, fetched if a server answers, else as it was fetched last."""
    from cpcs_desktop.sync.light_curves import LightCurveCache, refresh_light_curve

    trouble: CpcsError | None = None
    with optional_client(profile) as client:
        cache = LightCurveCache(profile.outbox_file, client.url if client else "")
        if client is not None and not offline:
            try:
                refresh_light_curve(cache, client, ivorn)
            except CpcsError as error:
                trouble = error
    if trouble is not None and (trouble.code == "unknown_event" or not cache.fetched_at(ivorn)):
        raise trouble
    if not cache.fetched_at(ivorn):
        raise CpcsError(
            "never_fetched",
            f"The light curve of {ivorn} was never fetched.",
            "Run this once with a server in reach (cpcs login SERVER_URL).",
        )
    if trouble is not None:
        chat(f"{trouble.message} These are the points fetched last.")
    return cache.get(ivorn, withdrawn=withdrawn)
