"""``cpcs submit``: calibrate, accept, queue, push; the main job without a window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cpcs_desktop.batch.one_input import Outcome, calibrate_inputs
from cpcs_desktop.batch.options import AUTO_EVENT, CalibrateOptions
from cpcs_desktop.batch.sentences import sentence
from cpcs_desktop.cli.calibrate import calibration_options, paths_argument
from cpcs_desktop.cli.options import Profile, chat, fail, json_option, print_json, profile_options
from cpcs_desktop.cli.server import optional_client
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.settings import AppSettings, load_settings

if TYPE_CHECKING:
    from cpcs_desktop.datamodel.calibration import Calibration
    from cpcs_desktop.datamodel.point import PhotometricPoint
    from cpcs_desktop.sync.client import CpcsClient
    from cpcs_desktop.sync.outbox import Outbox


@click.command()
@paths_argument
@calibration_options
@click.option("--dry-run", is_flag=True, help="Calibrate and show; accept and send nothing.")
@click.option("--accept-red", is_flag=True, help="Accept points with red checks, too.")
@json_option
@profile_options
def command(
    paths: tuple[str, ...],
    options: CalibrateOptions,
    profile: Profile,
    dry_run: bool,
    accept_red: bool,
    as_json: bool,
) -> None:
    """Calibrate, accept, queue and push; without a server the points wait in the outbox.

    A frame whose band is ambiguous is not accepted without --force-filter, one with a red check
    not without --accept-red.
    """
    from cpcs_desktop.sync.outbox import Outbox

    if options.event is None:
        raise click.UsageError("A point belongs to an event: --event IVORN or --event auto.")
    failed = False
    try:
        settings = load_settings(profile)
        options = replace(options, observers=options.observers or settings.observers)
        outbox = Outbox(profile.outbox_file)
        with optional_client(profile) as client:
            learn_events(options, outbox, client)
            acceptor = Acceptor(outbox, client, settings, options, dry_run, accept_red)
            for outcome in calibrate_inputs(paths, options, profile):
                line = acceptor.line(outcome)
                failed |= line["status"] != "ok" or line["submission"]["state"] == "REFUSED"
                if as_json:
                    print_json(line)
                else:
                    say(outcome, line)
            if not dry_run and client is None and acceptor.accepted:
                chat("No server is set: the points wait in the outbox (cpcs login SERVER_URL).")
        outbox.close()
    except CpcsError as error:
        fail(error, as_json)
    if failed:
        raise SystemExit(1)


class Acceptor:
    """Turns calibrations into submissions, one after the other."""

    def __init__(
        self,
        outbox: Outbox,
        client: CpcsClient | None,
        settings: AppSettings,
        options: CalibrateOptions,
        dry_run: bool,
        accept_red: bool,
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._settings = settings
        self._options = options
        self._dry_run = dry_run
        self._accept_red = accept_red
        self._force_push = True  # once; then only what is due
        self._reachable = True
        self.accepted = 0

    def line(self, outcome: Outcome) -> dict[str, Any]:
        """Return the line of ``submit --json`` of one outcome, after accepting and pushing it."""
        line = outcome.as_json(self._options)
        if outcome.calibration is None:
            return {**line, "submission": None}
        assert outcome.event is not None
        try:
            point = self._point(outcome.calibration, outcome.event)
            doubt = self._doubt(outcome.calibration)
            if self._dry_run:
                return {**line, "submission": self._dry(point, doubt)}
            if doubt is not None:
                raise doubt
            submission = self._accept(point, outcome.calibration)
        except CpcsError as error:
            failed = {"status": "failed", "error": error.as_json(), "submission": None}
            return {**line, **failed}
        answer = submission.as_json()
        if submission.state is SubmissionState.SENDING:  # another program is at it just now
            answer["state"] = SubmissionState.WAITING.value
        return {**line, "submission": answer}

    def try_again(self) -> None:
        """Send what is due, and speak to the server again after a silence: the night is long."""
        from cpcs_desktop.sync.pusher import push

        self._reachable = True
        if self._client is not None and not self._dry_run:
            push(self._outbox, self._client)

    def _point(self, calibration: Calibration, event: str) -> PhotometricPoint:
        from cpcs_desktop import pipeline

        return pipeline.make_point(
            calibration,
            event=event,
            observatory=self._settings.observatory.name,
            observers=self._options.observers,
            comment=self._options.comment,
        )

    def _doubt(self, calibration: Calibration) -> CpcsError | None:
        """Return why a person should look before this is accepted."""
        choice = calibration.choice
        if choice.ambiguous and not self._options.force_filter:
            return CpcsError(
                "ambiguous_band",
                f"The band is ambiguous: {choice.reason}",
                "Name it with --force-filter SURVEY/band.",
            )
        red = [check.message for check in calibration.checks if check.level == "red"]
        if red and not self._accept_red:
            return CpcsError(
                "red_checks",
                f"A check is red: {' '.join(red)}",
                "Look at the frame; --accept-red accepts it nevertheless.",
            )
        return None

    def _dry(self, point: PhotometricPoint, doubt: CpcsError | None) -> dict[str, Any]:
        message = "nothing was stored"
        if doubt is not None:
            message = f"nothing was stored, and it would not be accepted: {doubt.message}"
        revision = self._outbox.next_revision(point.id)
        return {
            "point_id": point.id,
            "revision": revision,
            "state": "DRY_RUN",
            "message": message,
        }

    def _accept(self, point: PhotometricPoint, calibration: Calibration) -> Submission:
        from cpcs_desktop import pipeline
        from cpcs_desktop.io.stored_list import stored_list_text
        from cpcs_desktop.sync.pusher import push

        source_list = stored_list_text(calibration.exposure)
        submission = self._outbox.add(point, pipeline.make_evidence(calibration, source_list))
        self.accepted += 1
        if self._client is not None and self._reachable:
            push(self._outbox, self._client, force=self._force_push)
            self._force_push = False
            submission = self._outbox.get(submission.point_id)
            # One silence is enough for one run: what follows goes out at the next push.
            self._reachable = submission.state is not SubmissionState.WAITING
        return submission


def learn_events(options: CalibrateOptions, outbox: Outbox, client: CpcsClient | None) -> None:
    """Ask the server for the events where the local list does not know them."""
    from cpcs_desktop.sync.events import EventList, sync_events

    events = EventList(outbox.database)
    if client is None or options.event is None or options.target is not None:
        return
    if options.event == AUTO_EVENT:
        known = bool(events.all())
    else:
        known = events.get(options.event) is not None
    if known:
        return
    try:
        if options.event == AUTO_EVENT:
            sync_events(events, client)
        else:
            events.learn(client.get_events(ivorn=options.event))
    except CpcsError as error:
        chat(f"{error.message} Only events of the local list are known.")


def say(outcome: Outcome, line: dict[str, Any]) -> None:
    """Tell a person what became of one outcome."""
    submission = line["submission"]
    if submission is None:
        error = line["error"]
        chat(f"{outcome.path}: {error['message']} {error['hint']}".rstrip())
        return
    click.echo(sentence(outcome))
    click.echo(f"    {submission['state']} r{submission['revision']}: {submission['message']}")
