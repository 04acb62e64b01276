"""``cpcs survey fetch | pack | unpack``: reference stars from a service, to a stick and back."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpcs_desktop.cli.cone import Cone, cones_option
from cpcs_desktop.cli.fields import Fields, fields_options
from cpcs_desktop.cli.options import (
    Profile,
    fail,
    json_option,
    print_json,
    profile_options,
    show_error,
)
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from cpcs_desktop.surveys.fetch import FetchProgress
    from cpcs_desktop.surveys.pack import PackedSurvey


@contextlib.contextmanager
def _bar(label: str) -> Iterator[Callable[[str, int, int], None]]:
    """Give what shows a label, and how much of how much is done, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    bar = click.progressbar(length=1, label=label, file=sys.stderr)

    def tell(label: str, done: int, total: int) -> None:
        bar.label, bar.length = label, max(total, 1)
        bar.update(done - bar.pos)

    try:
        yield tell
    finally:
        bar.render_finish()


def _so_far(now: FetchProgress) -> str:
    return f"{now.survey} {now.stars} stars {now.bytes / 1e6:.1f} MB"


@click.command("fetch")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@fields_options
@click.option("--url", help="TAP service, when it is not the usual one.")
@profile_options
@json_option
def fetch(
    keys: tuple[str, ...], fields: Fields, url: str | None, profile: Profile, as_json: bool
) -> None:
    """Bring the missing pixels of some fields from VizieR or the Gaia archive.

    Stopped and called again it goes on where it was. Without fields damaged pixels are repaired.
    """
    from cpcs_desktop.settings import load_settings
    from cpcs_desktop.surveys.cache import SurveyCache

    cache = SurveyCache(profile.survey_cache)
    failed = False
    try:
        cones = fields.cones(profile)
        known = load_settings(profile).tap_urls
    except CpcsError as error:
        fail(error, as_json)
    for key in keys:
        try:
            with _bar(key) as tell:
                done = cache.fetch(
                    key,
                    cones,
                    url=url or known.get(key),
                    progress=lambda now: tell(_so_far(now), now.done, now.total),
                )
        except CpcsError as error:
            failed = True
            show_error(error, as_json)
            continue
        if as_json:
            print_json({"status": "ok", **vars(done)})
        else:
            click.echo(
                f"{key:<10} {done.stars} stars in {done.done} of {done.total} missing pixels, "
                f"{done.bytes / 1e6:.1f} MB"
            )
    if failed:
        raise SystemExit(1)


@click.command("pack")
@click.argument("out", metavar="OUT.tar", type=click.Path(path_type=Path))
@fields_options
@click.option("--survey", "keys", multiple=True, metavar="KEY", help="Only these surveys.")
@profile_options
@json_option
def pack(out: Path, fields: Fields, keys: tuple[str, ...], profile: Profile, as_json: bool) -> None:
    """Write the stars of some fields into one checksummed file for a USB stick."""
    from cpcs_desktop.surveys.cache import SurveyCache

    try:
        cones = fields.cones(profile)
        if not cones:
            raise click.UsageError("Name the fields: --cone, --targets, --event or --events.")
        with _bar("packing") as tell:
            packed = SurveyCache(profile.survey_cache).pack(out, cones, keys, tell)
    except CpcsError as error:
        fail(error, as_json)
    _show_packed(packed, as_json)


@click.command("unpack")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@profile_options
@json_option
def unpack(file: Path, profile: Profile, as_json: bool) -> None:
    """Merge a packed file into the cache; needs no network, may be repeated."""
    from cpcs_desktop.surveys.cache import SurveyCache

    try:
        with _bar("unpacking") as tell:
            packed = SurveyCache(profile.survey_cache).unpack(file, tell)
    except CpcsError as error:
        fail(error, as_json)
    _show_packed(packed, as_json)


@click.command("build")
@click.argument("key", metavar="KEY")
@click.argument("source", metavar="PUBLISHED")
@click.option("--columns", "map_file", metavar="MAP", help="Column map, JSON or TOML.")
@cones_option("Only this part of the sky; may be repeated.")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers do it.")
@profile_options
@json_option
def build(
    key: str,
    source: str,
    map_file: str | None,
    cones: list[Cone],
    scheduler: str | None,
    profile: Profile,
    as_json: bool,
) -> None:
    """Make a catalogue of the cache from a published HATS catalogue, a folder or an address.

    The whole sky, or the cones named; interrupted and called again it goes on where it was.
    """
    from cpcs_desktop.surveys.build import BuildOrder, build_here
    from cpcs_desktop.surveys.build import build as build_catalogue
    from cpcs_desktop.surveys.build_on_dask import build_on
    from cpcs_desktop.surveys.coverage import Coverage, cone_coverage
    from cpcs_desktop.surveys.reading.import_columns import read_column_map

    region = reduce(Coverage.union, (cone_coverage(*c) for c in cones), Coverage.nowhere())
    try:
        order = BuildOrder(
            key,
            source if "://" in source else str(Path(source).absolute()),
            str(profile.survey_cache.absolute()),
            read_column_map(map_file) if map_file else None,
            region.as_moc_text() if cones else None,
        )
        run = build_here if scheduler is None else build_on(scheduler)
        with _bar(key) as tell:
            made = build_catalogue(
                order, run, lambda done, total, stars: tell(f"{key} {stars} stars", done, total)
            )
    except CpcsError as error:
        fail(error, as_json)
    pixels, stars = len(made.partition.pixels), made.provenance.stars
    if as_json:
        print_json({"survey": key, "status": "ok", "stars": stars, "pixels": pixels})
    else:
        click.echo(f"{key:<10} {stars} stars in {pixels} pixels")


def _show_packed(packed: list[PackedSurvey], as_json: bool) -> None:
    for part in packed:
        if as_json:
            print_json({**vars(part), "fraction": round(part.fraction, 6)})
        else:
            click.echo(
                f"{part.survey:<10} {part.stars} stars, {100 * part.fraction:.0f} % of the fields, "
                f"release {part.release}"
            )
