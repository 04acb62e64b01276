"""``cpcs watch``: calibrate what arrives in a folder, until Ctrl+C."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpcs_desktop.batch.options import CalibrateOptions, Job, prepare_job
from cpcs_desktop.cli.calibrate import calibration_options, require_target
from cpcs_desktop.cli.options import Profile, chat, fail, json_option, print_json, profile_options
from cpcs_desktop.cli.progress import ended_by_signals, uninterrupted
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from cpcs_desktop.batch.inputs import Input
    from cpcs_desktop.batch.one_input import Finished
    from cpcs_desktop.cli.submit import Acceptor

#: Points that wait are tried again so often when nothing arrives, s.
_TRY_AGAIN_S = 60.0


@click.command()
@click.argument("folder", metavar="DIR")
@calibration_options
@click.option("--submit", is_flag=True, help="Accept and send what is beyond doubt.")
@click.option("--accept-red", is_flag=True, help="With --submit: points with red checks, too.")
@click.option("--new-only", is_flag=True, help="Leave alone what lies there already.")
@click.option("--jobs", type=click.IntRange(1), default=1, metavar="N", help="Worker processes.")
@click.option("--quiet", type=click.FloatRange(0), default=2.0, metavar="S", show_default=True,
              help="A file is whole when it has not changed for so long.")  # fmt: skip
@click.option("--poll/--no-poll", default=None, help="For network drives; found out by itself.")
@json_option
@profile_options
def command(
    folder: str,
    options: CalibrateOptions,
    profile: Profile,
    submit: bool,
    accept_red: bool,
    new_only: bool,
    jobs: int,
    quiet: float,
    poll: bool | None,
    as_json: bool,
) -> None:
    """Calibrate frames and lists as they arrive in DIR and the folders in it; Ctrl+C ends it.

    What was finished before is not repeated when the watch is started again. The folder may
    disappear and come back.
    """
    require_target(options)
    if submit and options.event is None:
        raise click.UsageError("A point belongs to an event: --event IVORN or --event auto.")
    if not Path(folder).is_dir():
        fail(_no_folder(folder), as_json)
    watch = _Watch(folder, options, profile, as_json)
    try:
        with ExitStack() as stack:
            stack.enter_context(ended_by_signals())
            if submit:
                stack.enter_context(watch.submitting(accept_red))
            watch.run(stack, jobs, quiet, poll, not new_only)
    except KeyboardInterrupt:
        chat(f"No longer watching {folder}: {watch.done} calibrated, {watch.failed} failed.")
    except CpcsError as error:
        fail(error, as_json)
    if watch.failed:
        raise SystemExit(1)


class _Watch:
    """One watched folder: what arrives goes to workers, what they answer to the observer."""

    def __init__(
        self, folder: str, options: CalibrateOptions, profile: Profile, as_json: bool
    ) -> None:
        self._typed = folder
        self._folder = Path(folder).absolute()
        self._options = options
        self._profile = profile
        self._as_json = as_json
        self._acceptor: Acceptor | None = None
        self.done = self.failed = 0

    def submitting(self, accept_red: bool) -> ExitStack:
        """Open outbox and server; closing what is returned closes them."""
        from cpcs_desktop.cli.server import optional_client
        from cpcs_desktop.cli.submit import Acceptor, learn_events
        from cpcs_desktop.settings import load_settings
        from cpcs_desktop.sync.outbox import Outbox

        settings = load_settings(self._profile)
        observers = self._options.observers or settings.observers
        self._options = replace(self._options, observers=observers)
        with ExitStack() as stack:
            outbox = stack.enter_context(closing(Outbox(self._profile.outbox_file)))
            client = stack.enter_context(optional_client(self._profile))
            learn_events(self._options, outbox, client)
            self._acceptor = Acceptor(outbox, client, settings, self._options, False, accept_red)
            return stack.pop_all()

    def run(
        self, stack: ExitStack, jobs: int, quiet_s: float, poll: bool | None, old: bool
    ) -> None:
        """Watch until interrupted."""
        from cpcs_desktop.batch.arrivals import Arrivals
        from cpcs_desktop.batch.folder_watch import FolderWatch
        from cpcs_desktop.batch.journal import Journal
        from cpcs_desktop.batch.run import run_batch
        from cpcs_desktop.batch.workers import LocalWorkers

        job = self._job()
        # events may come and go during the night; what was finished stays finished
        steady = replace(job, events=())
        journal = Journal(self._profile.folder / "batches", steady, resume=True)
        stack.enter_context(journal)
        arrivals = Arrivals(quiet_s, journal.has_seen, journal.contents())
        watch = FolderWatch(self._folder, arrivals, poll=poll, old=old, told=self._told)
        stack.enter_context(watch)
        workers = stack.enter_context(closing(LocalWorkers(job, jobs)))
        chat(f"Watching {self._typed}; Ctrl+C ends it.")
        tried = time.monotonic()
        while True:
            inputs = [self._input(path) for path in watch.take(timeout=0.5)]
            if self._acceptor is not None and (inputs or time.monotonic() - tried > _TRY_AGAIN_S):
                self._acceptor.try_again()
                tried = time.monotonic()
            if not inputs:
                continue
            if (now := self._job()) != job:  # an event was added, the settings changed
                job = now
                workers.close()
                workers = stack.enter_context(closing(LocalWorkers(job, jobs)))
            for item, finished in run_batch((i for i in inputs if i is not None), workers):
                with uninterrupted():
                    self._hand_out(finished)
                    journal.add(item, replace(finished, outcomes=()))

    def _job(self) -> Job:
        return prepare_job(self._options, self._profile, keep=self._acceptor is not None)

    def _input(self, path: Path) -> Input | None:
        from cpcs_desktop.batch.arrivals import stamp_of
        from cpcs_desktop.batch.inputs import Input

        stamp = stamp_of(path)
        if stamp is None:
            return None
        typed = f"{self._typed.rstrip('/')}/{path.relative_to(self._folder).as_posix()}"
        return Input(typed, path, self._options.hdu, stamp=stamp)

    def _hand_out(self, finished: Finished) -> None:
        if self._acceptor is None:
            for answer in finished.answers:
                self._count(answer.ok)
                if self._as_json:
                    click.echo(answer.line)
                else:
                    _say_sentence(answer.ok)(answer.sentence)
            return
        from cpcs_desktop.cli.submit import say

        for outcome in finished.outcomes:
            line = self._acceptor.line(outcome)
            self._count(line["status"] == "ok")
            if self._as_json:
                print_json(line)
            else:
                say(outcome, line)

    def _count(self, ok: bool) -> None:
        self.done += ok
        self.failed += not ok

    def _told(self, state: str) -> None:
        if state == "gone":
            chat(f"{self._typed} is gone; waiting for it to come back.")
        elif self.done or self.failed:
            chat(f"{self._typed} is back.")


def _say_sentence(ok: bool) -> Callable[[str], None]:
    return click.echo if ok else chat


def _no_folder(folder: str) -> CpcsError:
    return CpcsError("unreadable", f"{folder} is no folder.", "Name the folder frames arrive in.")
