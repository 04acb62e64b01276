"""``cpcs calibrate``, and what ``cpcs submit`` shares with it: options, inputs, the loop."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from cpcs_desktop.cli.inputs import Input, expand_inputs
from cpcs_desktop.cli.options import (
    chat,
    json_option,
    parse_position,
    print_json,
    profile_options,
)
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.settings import AppSettings, Profile, load_settings

if TYPE_CHECKING:
    from cpcs_desktop.datamodel.calibration import Calibration
    from cpcs_desktop.datamodel.event import Event
    from cpcs_desktop.datamodel.sources import Exposure, MagnitudeKind

AUTO_EVENT = "auto"


@dataclass(frozen=True)
class CalibrateOptions:
    """What the observer asked for on the command line; None: by settings or header."""

    target: tuple[float, float] | None
    event: str | None
    mjd: float | None
    exposure: float | None
    match_radius: float | Literal["auto"] | None
    force_filter: str | None
    magnitudes: str | None
    surveys: tuple[str, ...] | None
    hdu: int | None
    comment: str
    observers: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """One line of output: a calibration, or the error that stands in its place."""

    path: str
    event: str | None
    calibration: Calibration | None
    error: CpcsError | None

    def as_json(self, options: CalibrateOptions) -> dict[str, Any]:
        """Return the line of ``calibrate --json``."""
        if self.calibration is None:
            assert self.error is not None
            return {
                "path": self.path,
                "status": "failed",
                "event": self.event,
                "error": self.error.as_json(),
                **self.error.found,
            }
        from cpcs_desktop.results import as_json

        line = as_json(self.calibration, self.path)
        return {**line, "comment": options.comment, "observers": list(options.observers)}


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
    """Add the options of calibrate; the verb receives ``paths`` and one ``options``.

    ``--event`` and ``--target`` are left to the verb to require.
    """

    @click.argument("paths", nargs=-1, required=True, metavar="PATH...")
    @click.option("--target", metavar="RA,DEC", help="Position of the target, degrees.")
    @click.option("--event", metavar="IVORN", help="Event of the local list, or auto.")
    @click.option("--mjd", type=float, help="Mid-exposure, for lists that do not carry it.")
    @click.option("--exposure", type=float, help="Exposure time, s.")
    @click.option("--match-radius", type=_Radius(), help="0.5 to 60 arcsec, or auto.")
    @click.option("--force-filter", metavar="REQUEST", help="no, SURVEY/band, any/band, SURVEY/any")
    @click.option("--magnitudes", type=click.Choice(["auto", "aper"]), help="Kind of magnitude.")
    @click.option("--surveys", metavar="KEY,...", help="Use these surveys only.")
    @click.option("--hdu", type=int, help="HDU of the image.")
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
        surveys: str | None,
        hdu: int | None,
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
            comment=comment,
            observers=observers,
        )
        return function(*args, options=options, **kwargs)

    return wrapper


def calibrate_inputs(
    paths: Sequence[str], options: CalibrateOptions, profile: Profile
) -> Iterator[Outcome]:
    """Calibrate every input in the order given; a failing one never stops the rest.

    Yields
    ------
    Outcome
        One per input, or per event of an input with ``--event auto``.
    """
    settings = load_settings(profile)
    for item in expand_inputs(paths, options.hdu):
        try:
            exposure = _load(item, options, settings)
            targets = _targets(exposure, options, profile)
        except CpcsError as error:
            yield Outcome(item.typed, _named(options.event), None, error)
            continue
        for event, target in targets:
            try:
                calibration = _calibrate(exposure, event, target, options, profile, settings)
            except CpcsError as error:
                yield Outcome(item.typed, event, None, error)
            else:
                yield Outcome(item.typed, event, calibration, None)


def _named(event: str | None) -> str | None:
    return None if event == AUTO_EVENT else event


def _load(item: Input, options: CalibrateOptions, settings: AppSettings) -> Exposure:
    from cpcs_desktop import pipeline

    if item.error is not None:
        raise item.error
    camera = next(iter(settings.cameras.values()), None) if len(settings.cameras) == 1 else None
    exposure = pipeline.load_exposure(item.file, hdu=item.hdu, camera=camera)
    return pipeline.with_times(exposure, options.mjd, options.exposure)


def _targets(
    exposure: Exposure, options: CalibrateOptions, profile: Profile
) -> list[tuple[str | None, tuple[float, float]]]:
    """Return the events and positions to measure on one exposure."""
    if options.event is None:
        assert options.target is not None
        return [(None, options.target)]
    from cpcs_desktop.sync.events import EventList

    events = EventList(profile.outbox_file)
    if options.event != AUTO_EVENT:
        event = events.get(options.event)
        position = options.target or (None if event is None else _position(event))
        if position is None:
            raise CpcsError(
                "unknown_event",
                f"The event {options.event} is not in the local list, or has no position.",
                "Add it with cpcs event add IVORN --ra --dec, or fetch the list: cpcs event sync.",
            )
        return [(options.event, position)]
    from cpcs_desktop.calib.footprint import outline

    inside = events.in_footprint(exposure.frame, outline(exposure.sources()))
    found = [(e.ivorn, p) for e in inside if (p := _position(e)) is not None]
    if not found:
        raise CpcsError(
            "unknown_event",
            "No event of the local list lies on this frame.",
            "Add it with cpcs event add IVORN --ra --dec, or fetch the list: cpcs event sync.",
        )
    return list(found)


def _position(event: Event) -> tuple[float, float] | None:
    return None if event.ra is None or event.dec is None else (event.ra, event.dec)


def _calibrate(
    exposure: Exposure,
    event: str | None,
    target: tuple[float, float],
    options: CalibrateOptions,
    profile: Profile,
    settings: AppSettings,
) -> Calibration:
    from cpcs_desktop import pipeline
    from cpcs_desktop.datamodel.band import BandRequest
    from cpcs_desktop.datamodel.settings import CalibrationSettings
    from cpcs_desktop.surveys.cache import SurveyCache

    radius = settings.match_radius_arcsec
    if options.match_radius is not None:
        radius = None if options.match_radius == "auto" else options.match_radius
    kind: MagnitudeKind = (
        "APER" if (options.magnitudes or settings.magnitudes) == "aper" else "AUTO"
    )
    return pipeline.calibrate(
        exposure,
        target,
        SurveyCache(profile.survey_cache),
        event=event,
        request=BandRequest.parse(options.force_filter or settings.force_filter),
        settings=CalibrationSettings(match_radius_arcsec=radius),
        magnitude_kind=kind,
        surveys=options.surveys,
    )


def sentence(outcome: Outcome) -> str:
    """Return one line for a person."""
    if outcome.calibration is None:
        assert outcome.error is not None
        return f"{outcome.path}: {outcome.error.message} {outcome.error.hint}".rstrip()
    found, fit = outcome.calibration.measurement, outcome.calibration.chosen
    if found.kind == "DETECTION":
        value = f"{found.mag:.3f} +- {found.mag_err_total:.3f}"
    else:
        value = f"> {found.mag:.2f} ({found.limit_reason})"
    worst = [c for c in outcome.calibration.checks if c.level in {"amber", "red"}]
    zero_point = f"{fit.zero_point:.3f} +- {fit.zero_point_err:.3f}"
    lines = [
        f"{outcome.path}: {fit.band} {value}  zero point {zero_point}",
        f"    {outcome.calibration.choice.reason}",
        *(f"    {c.level}: {c.message}" for c in worst),
    ]
    return "\n".join(lines)


def require_target(options: CalibrateOptions) -> None:
    """End with wrong usage unless the observer named a target or an event."""
    if options.target is None and options.event is None:
        raise click.UsageError("Name the target: --target RA,DEC or --event IVORN.")


@click.command()
@calibration_options
@json_option
@profile_options
def command(
    paths: tuple[str, ...], options: CalibrateOptions, profile: Profile, as_json: bool
) -> None:
    """Calibrate frames or source lists for a target."""
    require_target(options)
    failed = False
    for outcome in calibrate_inputs(paths, options, profile):
        failed |= outcome.calibration is None
        if as_json:
            print_json(outcome.as_json(options))
        elif outcome.calibration is None:
            chat(sentence(outcome))
        else:
            click.echo(sentence(outcome))
    if failed:
        raise SystemExit(1)
