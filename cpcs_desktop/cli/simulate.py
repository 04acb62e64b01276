"""``cpcs simulate``: a practice night with known truth."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cpcs_desktop.cli.options import chat, fail, json_option, print_json
from cpcs_desktop.datamodel.errors import CpcsError


def _size(text: str) -> tuple[int, int]:
    try:
        columns, rows = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise click.BadParameter(f"“{text}” is not WIDTHxHEIGHT in pixels.") from None
    if min(columns, rows) < 64 or max(columns, rows) > 16384:
        raise click.BadParameter("Frames are 64 to 16384 pixels wide and high.")
    return rows, columns


@click.command()
@click.option("-o", "folder", required=True, metavar="DIR", help="Folder to write into.")
@click.option("--band", metavar="SURVEY/band", help="Band of all frames; default r, g, V and i.")
@click.option("--stars", default=600, show_default=True, type=click.IntRange(20, 100_000))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--frames", "n_frames", type=click.IntRange(1, 1000), help="Number of frames.")
@click.option("--size", default="1024x1024", show_default=True, metavar="WxH", help="Pixels.")
@click.option("--surveys", metavar="KEY,...|all", help="Survey slices to write.")
@click.option("--sip", is_flag=True, help="Distorted frames with SIP coefficients.")
@json_option
def command(
    *,
    folder: str,
    band: str | None,
    stars: int,
    seed: int,
    n_frames: int | None,
    size: str,
    surveys: str | None,
    sip: bool,
    as_json: bool,
) -> None:
    """Write a practice night: frames, lists, survey slices, a ready cache, and the truth."""
    from cpcs_desktop.simulate.camera import Camera
    from cpcs_desktop.simulate.night import DEFAULT_SURVEYS, write_practice_night
    from cpcs_desktop.simulate.passbands import SYSTEM_OF_BAND, SYSTEM_OF_SURVEY

    if band is not None and band not in SYSTEM_OF_BAND:
        raise click.BadParameter(f"There is no band “{band}”; write SURVEY/band, say SDSS/r.")
    keys = DEFAULT_SURVEYS if surveys is None else tuple(surveys.split(","))
    if surveys == "all":
        keys = tuple(SYSTEM_OF_SURVEY)
    for key in keys:
        if key not in SYSTEM_OF_SURVEY:
            raise click.BadParameter(f"There is no survey “{key}”.")
    try:
        truth = write_practice_night(
            folder,
            band=band,
            stars=stars,
            seed=seed,
            n_frames=n_frames,
            camera=Camera(shape=_size(size), sip=sip),
            surveys=keys,
        )
    except CpcsError as error:
        fail(error, as_json)
    except OSError as error:
        fail(
            CpcsError("unwritable", f"{folder} cannot be written: {error.strerror}."),
            as_json,
        )
    files = json.loads(Path(truth).read_text(encoding="utf-8"))
    for name, facts in files.items():
        if as_json:
            print_json({"path": str(Path(folder) / name), **facts})
        else:
            click.echo(str(Path(folder) / name))
    event = next(iter(files.values()))
    chat(f"The truth is in {truth}. Try:")
    chat(
        f"  cpcs calibrate {folder}/frames/*.fits --cache {folder}/cache"
        f" --target {event['ra']},{event['dec']}"
    )
