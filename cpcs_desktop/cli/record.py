"""``cpcs record``: the evidence behind a point."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cpcs_desktop.cli.options import Profile, chat, fail, json_option, print_json, profile_options
from cpcs_desktop.cli.server import optional_client
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from cpcs_desktop.wire import PointSubmission


@click.group()
def command() -> None:
    """Export, open and re-run the evidence behind a point."""


@command.command("export")
@click.argument("point_id")
@click.option("-o", "output", metavar="FILE.zip", help="Default: POINT_ID.zip in this folder.")
@click.option("--set-aside", "aside", is_flag=True, help="What lost the last conflict here.")
@profile_options
def export(profile: Profile, point_id: str, output: str | None, aside: bool) -> None:
    """Write point and evidence into one zip file that opens anywhere."""
    from cpcs_desktop.io.record_zip import write_record

    try:
        submission = _set_aside(profile, point_id) if aside else _record(profile, point_id)
        file = Path(output or f"{submission.point.id}.zip")
        write_record(submission, file)
    except CpcsError as error:
        fail(error)
    chat(f"The record of {submission.point.id} is in {file}.")


@command.command("open")
@click.argument("point_id", metavar="POINT_ID|FILE.zip")
@profile_options
@json_option
def open_record(profile: Profile, point_id: str, as_json: bool) -> None:
    """Show how a point came about; nothing is changed."""
    try:
        submission = _record(profile, point_id)
    except CpcsError as error:
        fail(error, as_json)
    line = _summary(submission)
    if as_json:
        print_json(line)
        return
    for name, value in line.items():
        click.echo(f"{name:>20}  {'-' if value is None else value}")


@command.command("rerun")
@click.argument("point_id", metavar="POINT_ID|FILE.zip")
@profile_options
@json_option
def rerun_record(profile: Profile, point_id: str, as_json: bool) -> None:
    """Fit the stored stars again; status 1 if the number does not come out."""
    from cpcs_desktop.sync.rerun import rerun

    try:
        submission = _record(profile, point_id)
        again = rerun(submission)
    except CpcsError as error:
        fail(error, as_json)
    if as_json:
        point = submission.point
        print_json({"point_id": point.id, "revision": point.revision, **again.as_json()})
    else:
        click.echo(f"stored {again.mag:.6f}, again {again.mag_now:.6f}")
    if not again.same:
        chat("The evidence does not give the stored number.")
        raise SystemExit(1)


def _record(profile: Profile, name: str) -> PointSubmission:
    """Return a record from a file, the outbox, or the server."""
    from cpcs_desktop.io.record_zip import read_record
    from cpcs_desktop.sync.outbox import Outbox
    from cpcs_desktop.sync.records import find_record

    if name.lower().endswith(".zip") or Path(name).is_file():
        return read_record(Path(name))
    with optional_client(profile) as client:
        return find_record(Outbox(profile.outbox_file), client, name, history=False).submission


def _set_aside(profile: Profile, point_id: str) -> PointSubmission:
    """Return what the observer gave up last in favour of the server's content."""
    from cpcs_desktop.sync.outbox import Outbox
    from cpcs_desktop.sync.set_aside import read_set_aside

    kept = read_set_aside(Outbox(profile.outbox_file).database, point_id)
    if not kept:
        raise CpcsError(
            "no_such_point",
            f"Nothing of the point {point_id} was set aside here.",
            "Only what lost a conflict is; for the rest leave --set-aside out.",
        )
    return kept[-1].submission


def _summary(submission: PointSubmission) -> dict[str, Any]:
    point, evidence = submission.point, submission.evidence
    stars = evidence.stars if evidence is not None else {}
    return {
        **point.model_dump(mode="json", exclude={"provenance", "error_budget"}),
        "error_budget": point.error_budget.model_dump(),
        **{f"provenance.{name}": value for name, value in point.provenance.items()},
        "settings": evidence.settings if evidence is not None else None,
        "choice": evidence.choice if evidence is not None else None,
        "checks": evidence.checks if evidence is not None else None,
        "n_stars": len(stars.get("mag_inst", [])),
        "n_excluded": sum(bool(flag) for flag in stars.get("excluded", [])),
        "has_source_list": evidence is not None and evidence.source_list is not None,
    }
