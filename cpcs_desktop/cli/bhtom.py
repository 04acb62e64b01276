"""``cpcs bhtom``: the bridge to BHTOM."""

from __future__ import annotations

from dataclasses import asdict

import click

from cpcs_desktop.cli.options import Profile, chat, fail, json_option, print_json, profile_options
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.settings import load_settings


@click.group()
def command() -> None:
    """Send the source lists of accepted points to BHTOM, too; off unless bhtom.enabled is true.

    The token comes from the keyring (Settings in the window), else from CPCS_BHTOM_TOKEN.
    """


@command.command("send")
@click.option("--dry-run", is_flag=True, help="BHTOM calibrates and stores nothing.")
@profile_options
@json_option
def send(profile: Profile, dry_run: bool, as_json: bool) -> None:
    """Send every accepted point that BHTOM was never sent."""
    from cpcs_desktop.sync.bhtom import BhtomBridge, BhtomClient
    from cpcs_desktop.sync.credentials import ENV_BHTOM_TOKEN, read_bhtom_token
    from cpcs_desktop.sync.outbox import Outbox

    failed = False
    try:
        settings = load_settings(profile).bhtom
        token = read_bhtom_token(profile, settings.upload_url)
        if settings.enabled and not token:
            raise CpcsError("no_token", "There is no token for BHTOM.", f"Set {ENV_BHTOM_TOKEN}.")
        bridge = BhtomBridge(Outbox(profile.outbox_file))
        client = BhtomClient(settings.upload_url, token or "")
        for row in bridge.send(client, settings, dry_run=dry_run):
            failed |= row.state != "SENT"
            if as_json:
                print_json(asdict(row))
            else:
                click.echo(f"{row.point_id} {row.state} {row.remote_id or '-'}  {row.message}")
    except CpcsError as error:
        fail(error, as_json)
    if failed:
        raise SystemExit(1)


@command.command("list")
@profile_options
@json_option
def list_rows(profile: Profile, as_json: bool) -> None:
    """List what was sent, with BHTOM's ids."""
    from cpcs_desktop.sync.bhtom import BhtomBridge
    from cpcs_desktop.sync.outbox import Outbox

    try:
        rows = BhtomBridge(Outbox(profile.outbox_file)).all()
    except CpcsError as error:
        fail(error, as_json)
    for row in rows:
        if as_json:
            print_json(asdict(row))
        else:
            click.echo(f"{row.point_id} {row.state} {row.remote_id or '-'}  {row.message}")
    if not rows:
        chat("Nothing was sent to BHTOM.")


@command.command("result")
@profile_options
@json_option
def result(profile: Profile, as_json: bool) -> None:
    """Ask BHTOM what its own calibration made of the lists that were sent."""
    from cpcs_desktop.sync.bhtom import BhtomBridge, BhtomClient
    from cpcs_desktop.sync.credentials import ENV_BHTOM_TOKEN, read_bhtom_token
    from cpcs_desktop.sync.outbox import Outbox

    try:
        settings = load_settings(profile).bhtom
        token = read_bhtom_token(profile, settings.upload_url)
        if not token:
            raise CpcsError("no_token", "There is no token for BHTOM.", f"Set {ENV_BHTOM_TOKEN}.")
        sent = {r.remote_id: r for r in BhtomBridge(Outbox(profile.outbox_file)).all()}
        client = BhtomClient(settings.upload_url, token, result_url=settings.result_url)
        for told in client.results([i for i in sent if i is not None]):
            point_id = sent[told.remote_id].point_id
            if as_json:
                print_json({"point_id": point_id, **asdict(told)})
            else:
                click.echo(f"{point_id} {told.state} {told.band} {told.mag} {told.message}")
    except CpcsError as error:
        fail(error, as_json)


@command.command("forget")
@click.argument("point_id")
@profile_options
def forget(profile: Profile, point_id: str) -> None:
    """Let an uncertain or refused point be sent again."""
    from cpcs_desktop.sync.bhtom import BhtomBridge
    from cpcs_desktop.sync.outbox import Outbox

    try:
        BhtomBridge(Outbox(profile.outbox_file)).forget(point_id)
    except CpcsError as error:
        fail(error)
