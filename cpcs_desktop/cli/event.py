"""``cpcs event``: the list of events on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import click

from cpcs_desktop.cli.fields import read_angle
from cpcs_desktop.cli.options import Profile, chat, fail, json_option, print_json, profile_options
from cpcs_desktop.cli.server import required_client
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event


@click.group()
def command() -> None:
    """List, add and fetch events."""


def _angle(units: float) -> Callable[[click.Context, click.Parameter, str], float]:
    """Return a reader of degrees, or of sexagesimal text in ``units`` degrees."""

    def read(ctx: click.Context, parameter: click.Parameter, text: str) -> float:
        del ctx, parameter
        return read_angle(text, units)

    return read


@command.command("list")
@profile_options
@json_option
@click.option("--observed-only", is_flag=True, help="Only events with follow-up points.")
def list_events(profile: Profile, as_json: bool, observed_only: bool) -> None:
    """List the events known here; no network is used."""
    from cpcs_desktop.sync.events import EventList

    try:
        events = EventList(profile.outbox_file)
        waiting = {event.ivorn for event in events.pending()}
        for event in events.all():
            if observed_only and not event.n_followup:
                continue
            if as_json:
                print_json({**asdict(event), "pending": event.ivorn in waiting})
            else:
                click.echo(_line(event, event.ivorn in waiting))
    except CpcsError as error:
        fail(error, as_json)


@command.command("add")
@click.argument("ivorn")
@click.option("--ra", required=True, callback=_angle(15.0), help="Degrees, or hh:mm:ss.")
@click.option("--dec", required=True, callback=_angle(1.0), help="Degrees, or dd:mm:ss.")
@click.option("--url", help="Page that announced the event.")
@profile_options
@json_option
def add_event(
    profile: Profile, ivorn: str, ra: float, dec: float, url: str | None, as_json: bool
) -> None:
    """Add an event to the local list at once; the server learns of it at the next push."""
    from cpcs_desktop.sync.events import EventList

    try:
        events = EventList(profile.outbox_file)
        is_new = events.add(Event(ivorn, ra % 360.0, dec, url=url))
    except CpcsError as error:
        fail(error, as_json)
    event = events.get(ivorn)
    assert event is not None
    chat(f"{ivorn} was added." if is_new else f"{ivorn} was in the list already.")
    if as_json:
        waiting = {event.ivorn for event in events.pending()}
        print_json({**asdict(event), "new": is_new, "pending": ivorn in waiting})


@command.command("sync")
@profile_options
@json_option
def sync_list(profile: Profile, as_json: bool) -> None:
    """Create what was added here on the server, and fetch the server's list."""
    from cpcs_desktop.sync.events import EventList, sync_events

    try:
        events = EventList(profile.outbox_file)
        with required_client(profile) as client:
            changed = sync_events(events, client)
    except CpcsError as error:
        fail(error, as_json)
    total = len(events.all())
    if as_json:
        print_json({"status": "ok", "events": total, "changed": changed})
    chat(f"{changed} events new or changed, {total} in the list.")


def _line(event: Event, pending: bool) -> str:
    place = (
        f"{event.ra:10.5f} {event.dec:+10.5f}"
        if event.ra is not None and event.dec is not None
        else f"{'-':>10} {'-':>10}"
    )
    note = "  not on the server yet" if pending else ""
    return f"{place} {event.n_followup:6d}  {event.ivorn}{note}"
