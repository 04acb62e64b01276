"""The ``cpcs-server`` command."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cpcs_desktop import __version__
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import ENV_DATABASE_URL, Profile, open_profile


def server_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--database``, ``--profile``, ``--cache`` and ``--json``; known errors end with 1."""

    @click.option("--database", metavar="URL", help="SQLite file or postgresql:// address.")
    @click.option(
        "--profile", "profile_folder", metavar="DIR", help="Keep database and caches in DIR."
    )
    @click.option("--cache", metavar="DIR", help="Cache of reference surveys.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
    @functools.wraps(function)
    def wrapper(
        *args: Any,
        database: str | None,
        profile_folder: str | None,
        cache: str | None,
        as_json: bool,
        **kwargs: Any,
    ) -> Any:
        try:
            profile = open_profile(profile_folder, cache)
            url = database or os.environ.get(ENV_DATABASE_URL) or f"{profile.server_database}"
            return function(*args, url=url, profile=profile, as_json=as_json, **kwargs)
        except CpcsError as error:
            if as_json:
                say_json({"status": "failed", "error": error.as_json(), **error.found})
            click.echo(f"{error.message} {error.hint}".strip(), err=True)
            raise SystemExit(1) from None

    return wrapper


def say_json(answer: Any) -> None:
    """Write one JSON object on one line of stdout."""
    sys.stdout.write(json.dumps(answer, allow_nan=False, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cpcs-server")
def cpcs_server() -> None:
    """Run the central server: shared light curves of transients."""


@cpcs_server.command("run")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option("--behind-https", is_flag=True, help="A proxy in front speaks https.")
@click.option("--plain-http", is_flag=True, help="Off this machine without https, knowingly.")
@click.option("--trusted-proxies", default="127.0.0.1", show_default=True, metavar="ADDRESSES")
@server_options
def run_command(
    host: str,
    port: int,
    workers: int,
    behind_https: bool,
    plain_http: bool,
    trusted_proxies: str,
    url: str,
    profile: Profile,
    as_json: bool,
) -> None:
    """Serve until SIGTERM; the tables are brought up to date first."""
    del as_json  # the first line is the same for people and programs
    from server_stub import serve
    from server_stub.admin import opened
    from server_stub.settings import ServerSettings

    settings = ServerSettings(
        database_url=absolute(url),
        survey_cache=profile.survey_cache.absolute(),
        behind_https=behind_https,
        trusted_proxies=trusted_proxies,
    )
    serve.refuse_unsafe(settings, host, plain_http=plain_http)
    with opened(settings.database_url):
        pass  # upgraded, before workers could race for it
    sys.exit(serve.run(settings, host, port, workers=workers))


def absolute(url: str) -> str:
    """Return the address with an absolute file name, for processes that start elsewhere."""
    return url if "://" in url else str(Path(url).absolute())


@cpcs_server.command("init")
@server_options
def init_command(url: str, profile: Profile, as_json: bool) -> None:
    """Bring the tables up to date; safe to repeat."""
    del profile
    from server_stub.admin import opened
    from server_stub.schema import version

    with opened(url) as database:
        answer = {"status": "ok", "version": version(database), "database": repr(database)}
    if as_json:
        say_json(answer)
    else:
        click.echo(f"The tables are at version {answer['version']}.")


@cpcs_server.group("key")
def key_group() -> None:
    """Make, list and revoke access keys."""


@key_group.command("new")
@click.option("--observatory", required=True, metavar="NAME")
@click.option("--lon", type=click.FloatRange(-180, 360), help="Degrees, east positive.")
@click.option("--lat", type=click.FloatRange(-90, 90), help="Degrees.")
@click.option("--admin", is_flag=True)
@click.option("--no-upload", is_flag=True, help="May read and dry-run, never store.")
@server_options
def key_new(
    observatory: str,
    lon: float | None,
    lat: float | None,
    admin: bool,
    no_upload: bool,
    url: str,
    profile: Profile,
    as_json: bool,
) -> None:
    """Make a key and print it: the only time it can be seen."""
    del profile
    from server_stub import admin as acts

    with acts.opened(url) as database:
        made = acts.make_key(database, observatory, lon, lat, admin=admin, upload=not no_upload)
    if as_json:
        say_json(made)
    else:
        click.echo(made["key"])
        click.echo("Write it down: it cannot be shown again.", err=True)


@key_group.command("list")
@server_options
def key_list(url: str, profile: Profile, as_json: bool) -> None:
    """List the keys by their prefixes."""
    del profile
    from server_stub import admin as acts

    with acts.opened(url) as database:
        keys = acts.list_keys(database)
    for key in keys:
        if as_json:
            say_json(key)
        else:
            roles = "admin" if key["admin"] else "observer" if key["upload"] else "reader"
            state = "revoked" if key["revoked_at"] else "valid"
            used = key["last_used_at"] or "never"
            click.echo(f"{key['prefix']}  {state:8} {roles:9} {key['observatory']}  used {used}")


@key_group.command("revoke")
@click.argument("prefix")
@server_options
def key_revoke(prefix: str, url: str, profile: Profile, as_json: bool) -> None:
    """Revoke a key by its prefix."""
    del profile
    from server_stub import admin as acts

    with acts.opened(url) as database:
        answer = acts.revoke_key(database, prefix)
    if as_json:
        say_json(answer)
    else:
        click.echo(f"Revoked the key {answer['prefix']} of {answer['observatory']}.")


@cpcs_server.group("event")
def event_group() -> None:
    """Add and import events."""


@event_group.command("add")
@click.argument("ivorn")
@click.option("--ra", required=True, type=click.FloatRange(0, 360), help="Degrees.")
@click.option("--dec", required=True, type=click.FloatRange(-90, 90), help="Degrees.")
@click.option("--url", "link", help="Page of the event.")
@server_options
def event_add(
    ivorn: str,
    ra: float,
    dec: float,
    link: str | None,
    url: str,
    profile: Profile,
    as_json: bool,
) -> None:
    """Add an event; the same again is harmless."""
    del profile
    from server_stub import admin as acts

    with acts.opened(url) as database:
        answer = acts.add_event(database, ivorn, ra, dec, link)
    if as_json:
        say_json(answer)
    else:
        click.echo(f"{answer['ivorn']} is alert {answer['id']}.")


@event_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@server_options
def event_import(file: Path, url: str, profile: Profile, as_json: bool) -> None:
    """Import a list_of_alerts JSON: events, positions, names of archived events."""
    del profile
    from server_stub import admin as acts
    from server_stub.event_import import import_events

    with acts.opened(url) as database:
        answer = import_events(database, file)
    if as_json:
        say_json(answer)
    else:
        click.echo(", ".join(f"{number} {word}" for word, number in answer.items()))


@cpcs_server.group("observatory")
def observatory_group() -> None:
    """Add observatories."""


@observatory_group.command("add")
@click.argument("name")
@click.option("--lon", type=click.FloatRange(-180, 360), help="Degrees, east positive.")
@click.option("--lat", type=click.FloatRange(-90, 90), help="Degrees.")
@click.option("--altitude", type=click.FloatRange(-500, 9000), help="Metres.")
@click.option("--aperture", type=click.FloatRange(0, 100), help="Metres.")
@click.option("--camera", multiple=True)
@click.option("--filter", "filters", multiple=True)
@click.option("--contact")
@server_options
def observatory_add(
    name: str,
    lon: float | None,
    lat: float | None,
    altitude: float | None,
    aperture: float | None,
    camera: tuple[str, ...],
    filters: tuple[str, ...],
    contact: str | None,
    url: str,
    profile: Profile,
    as_json: bool,
) -> None:
    """Add an observatory, or complete what is known of it."""
    del profile
    from server_stub import admin as acts

    fields = {
        "longitude": lon,
        "latitude": lat,
        "altitude_m": altitude,
        "aperture_m": aperture,
        "cameras": list(camera) or None,
        "filters": list(filters) or None,
        "contact": contact,
    }
    with acts.opened(url) as database:
        answer = acts.add_observatory(database, name, fields)
    if as_json:
        say_json(answer)
    else:
        click.echo(f"{answer['name']} is observatory {answer['id']}.")


@cpcs_server.command("import-archive")
@click.argument("folder", type=click.Path(path_type=Path))
@server_options
def import_archive_command(folder: Path, url: str, profile: Profile, as_json: bool) -> None:
    """Import answers of the old server, alert-ID.json; twice is harmless."""
    del profile
    from server_stub import admin as acts
    from server_stub.archive import import_archive

    with acts.opened(url) as database:
        answer = import_archive(database, folder)
    if as_json:
        say_json(answer)
    else:
        click.echo(", ".join(f"{number} {word}" for word, number in answer.items()))


@cpcs_server.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@server_options
def export_command(file: Path, url: str, profile: Profile, as_json: bool) -> None:
    """Write everything but keys into a ZIP of JSON Lines and lists."""
    del profile
    from server_stub import admin as acts
    from server_stub.export import export

    with acts.opened(url) as database:
        answer = export(database, file)
    if as_json:
        say_json(answer)
    else:
        click.echo(", ".join(f"{number} {word}" for word, number in answer.items()))


@cpcs_server.command("recalibrate")
@click.option("--event", "ivorn", metavar="IVORN", help="Only uploads for this event.")
@click.option("--since", type=float, metavar="MJD", help="Only uploads from this MJD on.")
@click.option("--apply", "apply_them", is_flag=True, help="Store what changed as new revisions.")
@click.option("--point", "chosen", multiple=True, metavar="ID", help="Apply to these only.")
@click.option("--scheduler", metavar="ADDRESS", help="Let a Dask cluster calibrate.")
@server_options
def recalibrate_command(
    ivorn: str | None,
    since: float | None,
    apply_them: bool,
    chosen: tuple[str, ...],
    scheduler: str | None,
    url: str,
    profile: Profile,
    as_json: bool,
) -> None:
    """Calibrate lists of the old wire again, old against new; nothing is stored without --apply."""
    from server_stub import recalibration
    from server_stub.admin import opened

    failed = False
    with opened(url) as database:
        ids = recalibration.uploads(database, ivorn, since)
        for upload in recalibration.recalibrate(database, profile.survey_cache, ids, scheduler):
            wanted = apply_them and (not chosen or upload.point_id in chosen)
            line = recalibration.applied(database, upload) if wanted else upload.as_json()
            failed |= line["status"] == "failed"
            if as_json:
                say_json(line)
            elif line["status"] != "same":
                click.echo(recalibration.sentence(line))
    click.echo(f"{len(ids)} uploads calibrated again.", err=True)
    sys.exit(1 if failed else 0)


@cpcs_server.command("check")
@server_options
def check_command(url: str, profile: Profile, as_json: bool) -> None:
    """Check tables, counts and stored files; status 1 when something is wrong."""
    del profile
    from server_stub import admin as acts
    from server_stub.checking import check

    with acts.opened(url, upgraded=False) as database:
        answer = check(database)
    if as_json:
        say_json(answer)
    else:
        for problem in answer["problems"]:
            click.echo(problem)
        click.echo(f"{len(answer['problems'])} problems in {answer['points']} points.", err=True)
    sys.exit(1 if answer["problems"] else 0)


def main() -> None:
    """Run the command line; results on stdout, chatter on stderr, status 0, 1 or 2."""
    cpcs_server()
