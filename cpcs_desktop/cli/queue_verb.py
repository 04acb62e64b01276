"""``cpcs queue``: the outbox."""

from __future__ import annotations

import click

from cpcs_desktop.cli.options import Profile, chat, fail, json_option, print_json, profile_options
from cpcs_desktop.cli.server import optional_client, required_client
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.submission import Submission, Tombstone


@click.group()
def command() -> None:
    """Show and push the outbox, withdraw points."""


@command.command("list")
@profile_options
@json_option
def list_rows(profile: Profile, as_json: bool) -> None:
    """List all submissions, stored ones too, oldest first."""
    from cpcs_desktop.sync.outbox import Outbox

    try:
        rows = Outbox(profile.outbox_file).submissions()
    except CpcsError as error:
        fail(error, as_json)
    for row in rows:
        _show(row, as_json)
    if not rows:
        chat("The outbox is empty.")


@command.command("push")
@profile_options
@json_option
def push_rows(profile: Profile, as_json: bool) -> None:
    """Try everything that waits now; status 1 if some of it still waits afterwards."""
    from cpcs_desktop.sync.outbox import Outbox
    from cpcs_desktop.sync.pusher import push

    outbox = Outbox(profile.outbox_file)
    try:
        with optional_client(profile) as client:
            if client is not None:
                for row in push(outbox, client, force=True):
                    _show(row, as_json)
            elif any(row.unfinished for row in outbox.submissions()):
                chat("No server is set: run cpcs login SERVER_URL, or set CPCS_SERVER_URL.")
        remain = [row for row in outbox.submissions() if row.unfinished]
    except CpcsError as error:
        fail(error, as_json)
    if remain:
        chat(f"{len(remain)} still waiting: {remain[0].message}")
        raise SystemExit(1)


@command.command("withdraw")
@click.argument("point_id")
@click.option("--reason", required=True, metavar="TEXT", help="Why; the server keeps it.")
@profile_options
@json_option
def withdraw(profile: Profile, point_id: str, reason: str, as_json: bool) -> None:
    """Take a point back; what was sent stays on the server, hidden, with the reason."""
    from cpcs_desktop.sync.outbox import Outbox
    from cpcs_desktop.sync.pusher import push

    outbox = Outbox(profile.outbox_file)
    try:
        row = outbox.withdraw(point_id, reason)
        if row.tombstone is Tombstone.PENDING:
            with optional_client(profile) as client:
                if client is not None:
                    push(outbox, client)
        row = outbox.get(point_id)
    except CpcsError as error:
        fail(error, as_json)
    _show(row, as_json)
    if row.tombstone is Tombstone.PENDING:
        chat("The server will be told as soon as it answers.")
    elif row.tombstone is Tombstone.REFUSED:
        chat(row.message)
        raise SystemExit(1)


@command.command("retry")
@click.argument("point_id")
@profile_options
@json_option
def retry(profile: Profile, point_id: str, as_json: bool) -> None:
    """Queue a refused point anew, after its cause was removed."""
    from cpcs_desktop.sync.outbox import Outbox

    outbox = Outbox(profile.outbox_file)
    try:
        outbox.retry(point_id)
        _show(outbox.get(point_id), as_json)
    except CpcsError as error:
        fail(error, as_json)


@command.command("resolve")
@click.argument("point_id")
@click.option("--keep", required=True, type=click.Choice(["mine", "theirs"]))
@profile_options
@json_option
def resolve(profile: Profile, point_id: str, keep: str, as_json: bool) -> None:
    """Decide a conflict between two machines: put mine on top, or take over theirs."""
    from cpcs_desktop.sync.outbox import Outbox

    outbox = Outbox(profile.outbox_file)
    try:
        if keep == "mine":
            row = outbox.keep_mine(point_id)
        else:
            with required_client(profile) as client:
                row = outbox.keep_theirs(client.get_point(point_id))
    except CpcsError as error:
        fail(error, as_json)
    _show(row, as_json)


def _show(row: Submission, as_json: bool) -> None:
    if as_json:
        print_json(row.as_json())
        return
    click.echo(
        f"{row.point_id} r{row.revision:<2d} {row.state:9s} {row.band:10s} {row.mag:7.3f} "
        f"{row.event}  {row.file_name}  {row.message}"
    )
