"""``cpcs recalibrate``: every point again with today's surveys and code, old against new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cpcs_desktop.cli.options import Profile, chat, fail, json_option, print_json, profile_options
from cpcs_desktop.cli.server import optional_client
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from cpcs_desktop.sync.recalibrate import Move


@click.command()
@click.option("--event", metavar="IVORN", help="Only points of this event.")
@click.option("--since", type=float, metavar="MJD", help="Only points from this MJD on.")
@click.option("--apply", "apply_them", is_flag=True, help="Accept what changed as new revisions.")
@click.option("--point", "chosen", multiple=True, metavar="ID", help="Apply to these only.")
@click.option("--accept-doubtful", is_flag=True, help="Ambiguous bands and red checks, too.")
@profile_options
@json_option
def command(
    profile: Profile,
    event: str | None,
    since: float | None,
    apply_them: bool,
    chosen: tuple[str, ...],
    accept_doubtful: bool,
    as_json: bool,
) -> None:
    """Calibrate all points again from their stored source lists, and show what moves.

    Nothing is written without --apply. Points that change become next revisions; the old ones
    stay.
    """
    from cpcs_desktop.sync.outbox import Outbox
    from cpcs_desktop.sync.pusher import push
    from cpcs_desktop.sync.recalibrate import apply_moves, recalibrate

    outbox = Outbox(profile.outbox_file)
    counts = {"same": 0, "changed": 0, "failed": 0}
    moving = 0
    try:
        for move in recalibrate(outbox, profile.survey_cache, event=event, since=since):
            counts[move.status] += 1
            moving += move.moves
            line = move.as_json()
            line["applied"] = None
            wanted = not chosen or move.old.id in chosen
            if apply_them and wanted and (move.doubt is None or accept_doubtful):
                for submission in apply_moves(outbox, [move]):
                    line["applied"] = submission.revision
            if as_json:
                print_json(line)
            elif move.status != "same":
                click.echo(_sentence(move, line["applied"]))
        if apply_them:
            with optional_client(profile) as client:
                if client is not None:
                    push(outbox, client, force=True)
    except CpcsError as error:
        fail(error, as_json)
    chat(
        f"{counts['same']} the same, {counts['changed']} changed ({moving} by more than 2 sigma or"
        f" in another band), {counts['failed']} failed."
    )
    if counts["failed"]:
        raise SystemExit(1)


def _sentence(move: Move, applied: int | None) -> str:
    where = f"{move.old.file_name}: {move.old.band} {move.old.mag:.3f}"
    if move.new is None:
        assert move.error is not None
        return f"{where}  failed: {move.error.message}"
    size = f", {move.sigma:.1f} sigma" if move.sigma is not None else ""
    notes = [f"now revision {applied}"] if applied is not None else []
    if move.doubt is not None:
        notes.append(move.doubt)
    text = f"{where} -> {move.new.band} {move.new.mag:.3f} ({move.delta_mag:+.4f}{size})"
    return "  ".join([text, *notes])
