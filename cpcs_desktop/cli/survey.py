"""``cpcs survey``: the reference surveys of the cache."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cpcs_desktop.cli import survey_transfer
from cpcs_desktop.cli.cone import Cone, parse_cone
from cpcs_desktop.cli.options import (
    Profile,
    chat,
    fail,
    json_option,
    print_json,
    profile_options,
)
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import place_of

if TYPE_CHECKING:
    from cpcs_desktop.surveys.cache import CachedSurvey, SurveyCache


def _cache(profile: Profile) -> SurveyCache:
    from cpcs_desktop.surveys.cache import SurveyCache

    return SurveyCache(profile.survey_cache)


@click.group("survey")
def command() -> None:
    """List, import, check and show cached reference surveys."""


@command.command("list")
@profile_options
@json_option
def list_surveys(profile: Profile, as_json: bool) -> None:
    """Name all surveys, their bands and citations, and what is cached of them."""
    from cpcs_desktop.surveys.registry import SURVEYS

    cache = _cache(profile)
    cached = set(cache.keys())
    try:
        for key, survey in SURVEYS.items():
            line: dict[str, Any] = {
                "survey": key,
                "name": survey.name,
                "bands": [
                    {"id": b.id, "system": b.system, "wavelength_nm": b.wavelength_nm}
                    for b in survey.all_bands
                ],
                "bright_limit": survey.bright_limit,
                "faint_limit": survey.faint_limit,
                "floor_err": survey.floor_err,
                "epoch": survey.epoch,
                "has_proper_motion": survey.has_proper_motion,
                "cached": key in cached,
                "release": survey.release,
                "citation": survey.citation,
                "licence": survey.licence,
            }
            if key in cached:
                line |= _cached_json(cache.coverage(key))
            if as_json:
                print_json(line)
                continue
            letters = " ".join(b.letter for b in survey.all_bands)
            click.echo(f"{key:<10} {letters:<26} {_in_words(line)}")
            click.echo(f"{'':<10} {survey.citation}; {survey.licence}")
            if key in cached:
                click.echo(f"{'':<10} from {_sources_in_words(line['sources'])}")
    except CpcsError as error:
        fail(error, as_json)


@command.command("import")
@click.argument("key", metavar="KEY")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--columns", "map_file", metavar="MAP", help="Column map, JSON or TOML.")
@click.option("--release", help="Release of the survey, when it is not the usual one.")
@click.option(
    "--covers", metavar="RA,DEC,RADIUS", callback=parse_cone, help="Cone that the files stand for."
)
@profile_options
@json_option
def import_files(
    key: str,
    files: tuple[str, ...],
    map_file: str | None,
    release: str | None,
    covers: Cone | None,
    profile: Profile,
    as_json: bool,
) -> None:
    """Read files of reference stars into the cache; the rest goes on when one fails.

    The folder of a published HATS catalogue is used in place, read-only.
    """
    from cpcs_desktop.surveys.coverage import cone_coverage
    from cpcs_desktop.surveys.linked import is_hats
    from cpcs_desktop.surveys.reading.import_columns import read_column_map
    from cpcs_desktop.surveys.registry import survey

    cache = _cache(profile)
    try:
        survey(key)
        columns = read_column_map(map_file) if map_file else None
    except CpcsError as error:
        fail(error, as_json)
    region = cone_coverage(*covers) if covers else None
    failed = False
    for path in files:
        if is_hats(place_of(path)):
            failed = not _link(cache, key, path, columns, as_json) or failed
            continue
        try:
            done = cache.import_files(key, [path], columns, release=release, covers=region)[0]
        except CpcsError as error:
            failed = True
            _show_failure(path, error, as_json)
            continue
        if as_json:
            print_json(
                {
                    "path": path,
                    "status": "ok",
                    "survey": key,
                    "rows": done.n_rows,
                    "stars": len(done.stars),
                    "columns": done.columns,
                    "cached_stars": cache.coverage(key).stars,
                }
            )
        else:
            chat(
                f"{path}: {len(done.stars)} of {done.n_rows} rows as {key}; the cache holds "
                f"{cache.coverage(key).stars} stars."
            )
    if failed:
        raise SystemExit(1)


def _link(
    cache: SurveyCache, key: str, path: str, columns: dict[str, str] | None, as_json: bool
) -> bool:
    """Use a published HATS catalogue in place; say whether that worked."""
    try:
        linked = cache.link(key, path, columns)
    except CpcsError as error:
        _show_failure(path, error, as_json)
        return False
    if as_json:
        print_json(
            {"path": path, "status": "ok", "survey": key, "in_place": True, "stars": linked.stars}
        )
    else:
        chat(f"{path}: used in place as {key}, {linked.stars} stars, release {linked.release}.")
    return True


@command.command("coverage")
@click.argument("key", metavar="[KEY]", required=False)
@click.option(
    "--cone",
    metavar="RA,DEC,RADIUS",
    callback=parse_cone,
    help="Say which part of this cone is covered.",
)
@click.option(
    "--moc",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the survey's coverage as a MOC: .fits, .json, or ASCII.",
)
@profile_options
@json_option
def coverage(
    key: str | None, cone: Cone | None, moc: Path | None, profile: Profile, as_json: bool
) -> None:
    """Show which part of the sky is cached; with --cone, which part of a field."""
    if moc is not None and key is None:
        raise click.UsageError("--moc needs a survey.")
    cache = _cache(profile)
    try:
        if moc is not None and key is not None:
            cache.save_moc(key, moc)
        for cached in [key] if key else cache.keys():
            summary = cache.coverage(cached)
            line = {"survey": cached, **_cached_json(summary)}
            if cone:
                stars = cache.reference_stars(cached, *cone)
                line["cone"] = {
                    "ra": cone[0],
                    "dec": cone[1],
                    "radius": cone[2],
                    "fraction": round(cache.covered_fraction(cached, *cone), 6),
                    "stars": 0 if stars is None else len(stars),
                }
            line["moc"] = summary.coverage.as_moc_text().strip()
            if as_json:
                print_json(line)
            else:
                click.echo(f"{cached:<10} {_in_words(line)}")
                if cone:
                    percent, n = 100 * line["cone"]["fraction"], line["cone"]["stars"]
                    click.echo(f"{'':<10} {percent:.0f} % of the cone, {n} stars")
    except CpcsError as error:
        fail(error, as_json)


@command.command("verify")
@click.argument("keys", metavar="[KEY...]", nargs=-1)
@profile_options
@json_option
def verify(keys: tuple[str, ...], profile: Profile, as_json: bool) -> None:
    """Compare every file of the cache with its checksum and name the damaged ones."""
    cache = _cache(profile)
    bad = False
    for key in keys or cache.keys():
        try:
            damages = cache.verify(key)
        except CpcsError as error:
            bad = True
            _show_failure(key, error, as_json)
            continue
        bad = bad or bool(damages)
        if as_json:
            print_json(
                {
                    "survey": key,
                    "status": "damaged" if damages else "ok",
                    "damaged": [{"file": d.file, "reason": d.reason} for d in damages],
                }
            )
        elif damages:
            for damage in damages:
                click.echo(f"{key:<10} {damage.file}: {damage.reason}")
        else:
            click.echo(f"{key:<10} all files are as they were written")
    if bad:
        raise SystemExit(1)


@command.command("remove")
@click.argument("key", metavar="KEY")
@profile_options
@json_option
def remove(key: str, profile: Profile, as_json: bool) -> None:
    """Remove a survey from the cache."""
    try:
        _cache(profile).remove(key)
    except CpcsError as error:
        fail(error, as_json)
    if as_json:
        print_json({"survey": key, "status": "removed"})
    else:
        chat(f"{key} is removed.")


@command.command("stars")
@click.argument("key", metavar="KEY")
@click.option(
    "--cone", metavar="RA,DEC,RADIUS", callback=parse_cone, required=True, help="In degrees."
)
@click.option("--epoch", type=float, help="Julian year; without it positions are as stored.")
@profile_options
@json_option
def stars(
    key: str,
    cone: Cone,
    epoch: float | None,
    profile: Profile,
    as_json: bool,
) -> None:
    """Print the stars of a cone as stored, no cuts."""
    import numpy as np

    cache = _cache(profile)
    try:
        found = cache.reference_stars(key, *cone, epoch)
        if found is None:
            raise CpcsError(
                "no_survey_coverage",
                f"The cached {key} covers no part of this cone.",
                f"Bring it in with cpcs survey import {key} FILE or cpcs survey fetch {key}.",
            )
    except CpcsError as error:
        fail(error, as_json)
    for n in range(len(found)):
        known = np.isfinite(found.mag[n])
        letters = [letter for letter, here in zip(found.letters, known, strict=True) if here]
        mags = dict(zip(letters, map(_shortest, found.mag[n][known]), strict=True))
        errors = dict(zip(letters, map(_shortest, found.mag_err[n][known]), strict=True))
        source_id: Any = found.source_id[n].item()
        if as_json:
            print_json(
                {
                    "source_id": source_id,
                    "ra": float(found.ra[n]),
                    "dec": float(found.dec[n]),
                    "mag": mags,
                    "mag_err": errors,
                    "flags": int(found.flags[n]),
                }
            )
        else:
            text = " ".join(f"{letter}={mag}" for letter, mag in mags.items())
            click.echo(f"{source_id} {found.ra[n]:.6f} {found.dec[n]:+.6f} {text}")


def _shortest(value: float) -> float | None:
    """Return the decimal of a single-precision number, 15.312 not 15.31200027; NaN is None."""
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _cached_json(summary: CachedSurvey) -> dict[str, Any]:
    from cpcs_desktop.surveys.cache import age_days

    return {
        "release": summary.release,
        "stars": summary.stars,
        "pixels": summary.pixels,
        "bytes": summary.bytes,
        "area_deg2": round(summary.area_deg2, 4),
        "age_days": round(min(map(age_days, summary.sources), default=0.0), 2),
        "sources": [vars(s) for s in summary.sources],
    }


def _sources_in_words(sources: list[dict[str, Any]]) -> str:
    """Name the newest sources with their days, and how many older ones there are."""
    newest = sorted(sources, key=lambda source: str(source["date"]), reverse=True)
    words = ", ".join(f"{s['source']} ({s['date'][:10]})" for s in newest[:3])
    return f"{words} and {len(newest) - 3} more" if len(newest) > 3 else words


def _in_words(line: dict[str, Any]) -> str:
    if "stars" not in line:
        return "not cached"
    return (
        f"{line['stars']} stars, {line['area_deg2']:.2f} square degrees, "
        f"{line['bytes'] / 1e6:.1f} MB, release {line['release']}, {line['age_days']:.0f} days old"
    )


def _show_failure(path: str, error: CpcsError, as_json: bool) -> None:
    if as_json:
        print_json({"path": path, "status": "failed", "error": error.as_json(), **error.found})
    chat(f"{error.message} {error.hint}".strip())


for _verb in (
    survey_transfer.fetch,
    survey_transfer.pack,
    survey_transfer.unpack,
    survey_transfer.build,
):
    command.add_command(_verb)
