"""``cpcs calibrate``, and the options it shares with ``cpcs submit`` and ``cpcs watch``."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from cpcs_desktop.batch.options import CalibrateOptions, Job, prepare_job
from cpcs_desktop.cli.options import chat, fail, json_option, parse_position, profile_options
from cpcs_desktop.cli.progress import Progress, ended_by_signals
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from cpcs_desktop.batch.inputs import Input
    from cpcs_desktop.batch.journal import Journal
    from cpcs_desktop.batch.measured_ahead import MeasuredAhead
    from cpcs_desktop.batch.one_input import Finished
    from cpcs_desktop.batch.workers import Workers
    from cpcs_desktop.cli.options import Profile

#: More processes than this want more memory than the usual machine has.
_JOBS_UNASKED = 4


class _Radius(click.ParamType[float | str]):
    """A radius in arcsec, 0.5 to 60, or ``auto``."""

    name = "arcsec|auto"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Read the radius."""
        if value == "auto":
            return "auto"
        try:
            radius = float(value)
        except ValueError:
            self.fail(f"“{value}” is neither a number of arcsec nor auto.", param, ctx)
        if not 0.5 <= radius <= 60:
            self.fail("The match radius must be 0.5 to 60 arcsec.", param, ctx)
        return radius


def calibration_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of calibrate; the verb receives one ``options``.

    Its arguments, and whether ``--event`` or ``--target`` is required, are left to the verb.
    """

    @click.option("--target", metavar="RA,DEC", help="Position of the target, degrees.")
    @click.option("--event", metavar="IVORN", help="Event of the local list, or auto.")
    @click.option("--mjd", type=float, help="Mid-exposure, for lists that do not carry it.")
    @click.option("--exposure", type=float, help="Exposure time, s.")
    @click.option("--match-radius", type=_Radius(), help="0.5 to 60 arcsec, or auto.")
    @click.option("--force-filter", metavar="REQUEST", help="no, SURVEY/band, any/band, SURVEY/any")
    @click.option("--magnitudes", type=click.Choice(["auto", "aper"]), help="Kind of magnitude.")
    @click.option(
        "--psf", is_flag=True, help="Measure the target by PSF, with its neighbours (blends)."
    )
    @click.option("--surveys", metavar="KEY,...", help="Use these surveys only.")
    @click.option("--hdu", type=int, help="HDU of the image.")
    @click.option(
        "--columns",
        metavar="QUANTITY=NAME,...",
        help="Columns of lists: ra, dec, mag, mag_err, flux, flux_err, x, y, fwhm, flags.",
    )
    @click.option("--comment", default="", help="Goes with the point.")
    @click.option("--observer", "observers", multiple=True, metavar="NAME", help="Repeatable.")
    @functools.wraps(function)
    def wrapper(
        *args: Any,
        target: str | None,
        event: str | None,
        mjd: float | None,
        exposure: float | None,
        match_radius: float | Literal["auto"] | None,
        force_filter: str | None,
        magnitudes: str | None,
        psf: bool,
        surveys: str | None,
        hdu: int | None,
        columns: str | None,
        comment: str,
        observers: tuple[str, ...],
        **kwargs: Any,
    ) -> Any:
        options = CalibrateOptions(
            target=None if target is None else parse_position(target),
            event=event,
            mjd=mjd,
            exposure=exposure,
            match_radius=match_radius,
            force_filter=force_filter,
            magnitudes=magnitudes,
            surveys=None if surveys is None else tuple(k.strip() for k in surveys.split(",")),
            hdu=hdu,
            psf=psf,
            columns=_columns(columns),
            comment=comment,
            observers=observers,
        )
        return function(*args, options=options, **kwargs)

    return wrapper


def _columns(text: str | None) -> tuple[tuple[str, str], ...]:
    """Read ``ra=col1,dec=col2``."""
    if text is None:
        return ()
    from cpcs_desktop.io.list_columns import CHOOSABLE

    pairs = [part.partition("=") for part in text.split(",")]
    for quantity, _, name in pairs:
        if quantity.strip() not in CHOOSABLE or not name.strip():
            raise click.UsageError(
                "--columns wants QUANTITY=NAME,... with the quantities " + ", ".join(CHOOSABLE)
            )
    return tuple((quantity.strip(), name.strip()) for quantity, _, name in pairs)


paths_argument = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


def require_target(options: CalibrateOptions) -> None:
    """End with wrong usage unless the observer named a target or an event."""
    if options.target is None and options.event is None:
        raise click.UsageError("Name the target: --target RA,DEC or --event IVORN.")


@dataclass(frozen=True)
class Outputs:
    """Where the results go, and who makes them."""

    as_json: bool
    out: Path | None
    how: str | None
    report: Path | None
    jobs: int | None
    scheduler: str | None
    resume: bool


@click.command()
@paths_argument
@calibration_options
@click.option("--plots", metavar="DIR", help="Keep a picture of every zero point in DIR.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write a report of the night.",
)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Worker processes.")
@click.option("--scheduler", metavar="ADDRESS", help="Calibrate on a Dask cluster.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted run was.")
@click.option(
    "-o", "out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Output."
)
@click.option(
    "--format", "how", type=click.Choice(["jsonl", "ecsv", "parquet"]), help="Of the output."
)
@json_option
@profile_options
def command(
    paths: tuple[str, ...],
    options: CalibrateOptions,
    profile: Profile,
    plots: str | None,
    report: Path | None,
    jobs: int | None,
    scheduler: str | None,
    resume: bool,
    out: Path | None,
    how: str | None,
    as_json: bool,
) -> None:
    """Calibrate frames or source lists for a target; folders are searched for both.

    Several inputs are calibrated by several processes; the results come in the order of the inputs
    and are the same to the last bit however many there are.
    """
    require_target(options)
    if how is not None and out is None:
        raise click.UsageError("--format needs a file: -o FILE.")
    outputs = Outputs(as_json, out, how, report, jobs, scheduler, resume)
    try:
        with _measured_ahead(paths, options) as ahead:
            job = prepare_job(options, profile, plots=plots, report=report is not None)
            all_well = _calibrate_all(paths, job, profile, outputs, ahead)
    except CpcsError as error:
        fail(error, as_json)
    if not all_well:
        raise SystemExit(1)


@contextmanager
def _measured_ahead(
    paths: tuple[str, ...], options: CalibrateOptions
) -> Iterator[MeasuredAhead | None]:
    """Start measuring a single large frame, before anything heavy is imported here."""
    from cpcs_desktop.batch.inputs import expand_inputs
    from cpcs_desktop.batch.measured_ahead import MeasuredAhead, is_worth_a_child

    inputs = list(expand_inputs(paths, options.hdu)) if len(paths) == 1 else []
    if len(inputs) != 1 or _cores() < 2 or not is_worth_a_child(inputs[0]):
        yield None
        return
    with closing(MeasuredAhead()) as ahead:
        yield ahead


def _calibrate_all(
    paths: tuple[str, ...],
    job: Job,
    profile: Profile,
    outputs: Outputs,
    ahead: MeasuredAhead | None,
) -> bool:
    """Run the batch and hand every answer to whoever wants it; say whether all went well."""
    from cpcs_desktop.batch.inputs import expand_inputs
    from cpcs_desktop.batch.run import run_batch

    inputs = _without_outputs(expand_inputs(paths, job.options.hdu), paths, outputs)
    progress = Progress(len(inputs))
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        journal = _journal(profile, job, outputs, len(inputs), stack)
        takers = _takers(outputs, stack)
        workers = stack.enter_context(closing(_workers(job, outputs, len(inputs), ahead)))
        finished = run_batch(_absolute(inputs), workers, journal)
        try:
            for item, answers in progress.following(finished):
                _hand_out(item, answers, outputs, takers)
        except KeyboardInterrupt:
            kept = "" if journal is None else "; the same line with --resume goes on from there"
            chat(f"Interrupted after {progress.done} of {len(inputs)} inputs{kept}.")
            raise SystemExit(1) from None
        finally:
            finished.close()
    if len(inputs) > 1 or outputs.out is not None or outputs.report is not None:
        written = [str(path) for path in (outputs.out, outputs.report) if path is not None]
        chat(progress.summary() + (f"; wrote {' and '.join(written)}" if written else "") + ".")
    return progress.failed == 0


def _without_outputs(
    inputs: Iterator[Input], paths: tuple[str, ...], outputs: Outputs
) -> list[Input]:
    """Leave out what an earlier run wrote into the folder that is searched now."""
    ours = {path.absolute() for path in (outputs.out, outputs.report) if path is not None}
    return [i for i in inputs if i.typed in paths or i.file.absolute() not in ours]


def _absolute(inputs: list[Input]) -> Iterator[Input]:
    """Name files so that a worker finds them wherever it was started."""
    from dataclasses import replace

    for item in inputs:
        yield replace(item, file=item.file.absolute())


def _journal(
    profile: Profile, job: Job, outputs: Outputs, n_inputs: int, stack: ExitStack
) -> Journal | None:
    """Open the journal of a run that is worth one."""
    from cpcs_desktop.batch.journal import Journal

    if n_inputs < 2 and not outputs.resume:
        return None
    try:
        journal = Journal(profile.folder / "batches", job, resume=outputs.resume)
    except CpcsError as error:
        if outputs.resume:
            raise
        chat(f"{error.message} This run could not be resumed.")
        return None
    stack.enter_context(journal)
    if len(journal):
        chat(f"Going on: {len(journal)} inputs were finished before.")
    return journal


def _takers(outputs: Outputs, stack: ExitStack) -> list[Callable[[Input, Finished], None]]:
    """Open the outputs; each takes every input's answers."""
    takers: list[Callable[[Input, Finished], None]] = []
    if outputs.out is not None:
        from cpcs_desktop.batch.writers import format_of, written

        writer = stack.enter_context(written(outputs.out, format_of(outputs.out, outputs.how)))

        def write(_: Input, finished: Finished) -> None:
            for answer in finished.answers:
                writer.write(answer.line)

        takers.append(write)
    if outputs.report is not None:
        from cpcs_desktop.batch.report import night_report

        report = stack.enter_context(night_report(outputs.report))

        def tell(_: Input, finished: Finished) -> None:
            for answer in finished.answers:
                report.add(answer)

        takers.append(tell)
    return takers


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _workers(job: Job, outputs: Outputs, n_inputs: int, ahead: MeasuredAhead | None) -> Workers:
    from cpcs_desktop.batch.workers import LocalWorkers, ThisProcess

    jobs = outputs.jobs or min(_JOBS_UNASKED, _cores())
    if ahead is not None and outputs.scheduler is None:
        ahead.take(job)
        return ahead
    if outputs.scheduler is not None:
        from cpcs_desktop.batch.cluster import DaskWorkers

        return DaskWorkers(job, outputs.scheduler)
    if n_inputs == 1:
        return ThisProcess(job)
    return LocalWorkers(job, min(jobs, max(n_inputs, 1)))


def _hand_out(
    item: Input,
    finished: Finished,
    outputs: Outputs,
    takers: list[Callable[[Input, Finished], None]],
) -> None:
    for take in takers:
        take(item, finished)
    for answer in finished.answers:
        if outputs.as_json:
            click.echo(answer.line)
        elif not answer.ok:
            chat(answer.sentence)
        elif outputs.out is None:
            click.echo(answer.sentence)
