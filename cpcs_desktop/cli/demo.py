"""``cpcs demo``: the main job on a practice night, with a server and a profile of its own."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from cpcs_desktop.cli.options import chat, json_option, print_json

#: Views of the window that are drawn into the output folder; None is the whole window.
PICTURES: tuple[str | None, ...] = (None, "fits", "lightcurve")


@dataclass(frozen=True)
class Outcome:
    """One frame of the night: what came out, and what is true.

    Parameters
    ----------
    path : str
    band : str or None
        Band the program chose.
    mag, mag_err : float or None
        Magnitude with its total error, or the limit.
    is_limit : bool
    truth : float or None
        True magnitude in the chosen band.
    state : str
        State of the submission, or the reason of the failure.
    """

    path: str
    band: str | None
    mag: float | None
    mag_err: float | None
    is_limit: bool
    truth: float | None
    state: str

    @property
    def difference(self) -> float | None:
        """Measured minus true magnitude of a detection."""
        if self.mag is None or self.truth is None or self.is_limit:
            return None
        return self.mag - self.truth

    @property
    def pull(self) -> float | None:
        """Difference over total error."""
        return self.difference / self.mag_err if self.difference and self.mag_err else None

    @property
    def is_right(self) -> bool:
        """A detection within five sigma of the truth, or a limit above which nothing was."""
        if self.mag is None or self.truth is None:
            return False
        return self.truth > self.mag - 0.5 if self.is_limit else abs(self.pull or 0.0) < 5.0


@click.command()
@click.option("-o", "folder", default="cpcs-demo", show_default=True, metavar="DIR")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option(
    "--window/--no-window",
    default=None,
    help="Open the window at the end; default on a terminal with a screen.",
)
@click.option("--pictures/--no-pictures", default=True, help="Draw the window into DIR/pictures.")
@json_option
def command(*, folder: str, seed: int, window: bool | None, pictures: bool, as_json: bool) -> None:
    """Simulate a night, calibrate it, submit it to a server of its own, and compare with the truth.

    Everything is kept in DIR: practice night, profile, server, pictures. Your own profile is not
    touched.
    """
    from cpcs_desktop.simulate.night import write_practice_night

    base = Path(folder).absolute()
    chat(f"1  Practice night: simulating frames and survey slices in {base / 'night'}")
    truth_file = write_practice_night(base / "night", seed=seed)
    truth = json.loads(truth_file.read_text(encoding="utf-8"))
    facts = next(iter(truth.values()))
    event = facts["event"]
    frames = [str(truth_file.parent / name) for name in truth if name.startswith("frames/")]
    environment = _environment(base)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_server(base, environment))
        environment.update(server)
        chat("3  Calibrating and submitting, as `cpcs submit` does")
        _run("event", "add", event, "--ra", facts["ra"], "--dec", facts["dec"], env=environment)
        answers = _run("submit", *frames, "--event", event, "--json", env=environment)
        outcomes = [_outcome(json.loads(line), truth) for line in answers.splitlines()]
        _show(outcomes, as_json=as_json)
        if server:
            chat("4  The shared light curve, fetched from the server")
            curve = _run("lightcurve", event, "--format", "csv", env=environment)
            (base / "lightcurve.csv").write_text(curve, encoding="utf-8")
            if not as_json:
                _show_curve(curve)
        else:
            chat("4  Skipped: no server, no shared light curve; the points wait in the outbox.")
        _show_window(base, frames, event, environment, window=window, pictures=pictures)
    wrong = [outcome for outcome in outcomes if not outcome.is_right]
    for outcome in wrong:
        chat(f"{Path(outcome.path).name} is not what it should be: {outcome.state}")
    if wrong or len(outcomes) < len(frames):
        raise SystemExit(1)


def _environment(base: Path) -> dict[str, str]:
    """Return the environment of all children: nothing of the user's own profile reaches them."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CPCS_")}
    kept["CPCS_PROFILE"] = str(base / "profile")
    kept["CPCS_CACHE"] = str(base / "night" / "cache")
    kept["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    return kept


def _program(name: str, module: str) -> list[str]:
    """Return how a console script of this installation is started."""
    script = Path(sys.executable).with_name(name)
    if script.exists():
        return [str(script)]
    package, _, function = module.partition(":")
    return [sys.executable, "-c", f"from {package} import {function} as run; run()"]


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # what a blocked import says
        return False


def _run(*words: Any, env: Mapping[str, str]) -> str:
    """Run a verb of ``cpcs`` as a child process; its chatter passes through, status 0 or 1."""
    arguments = [*_program("cpcs", "cpcs_desktop.cli.main:main"), *map(str, words)]
    done = subprocess.run(arguments, env=dict(env), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise click.ClickException(f"cpcs {words[0]} ended with status {done.returncode}.")
    return done.stdout


@contextlib.contextmanager
def _server(base: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run a central server on a free port; yield what its clients must know, or nothing."""
    if not (_installed("fastapi") and _installed("sqlalchemy")):
        chat("2  Skipped: the server is not installed (pip install 'cpcs-desktop[server]').")
        yield {}
        return
    chat("2  Starting a central server on a free port")
    start = _program("cpcs-server", "server_stub.cli:main")
    env = {**environment, "CPCS_PROFILE": str(base / "server")}
    env["CPCS_DATABASE_URL"] = f"sqlite:///{(base / 'server.sqlite').as_posix()}"
    subprocess.run([*start, "init"], env=env, check=True, stdout=subprocess.DEVNULL)
    new_key = [*start, "key", "new", "--observatory", "Practice", "--admin", "--json"]
    made = subprocess.run(new_key, env=env, check=True, stdout=subprocess.PIPE, text=True)
    with (base / "server.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*start, "run", "--port", "0"], env=env, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip().rpartition(" ")[2]
        if not address.startswith("http"):
            raise click.ClickException("The server did not start; why stands in server.log.")
        chat(f"   listening on {address}")
        yield {"CPCS_SERVER_URL": address, "CPCS_ACCESS_KEY": json.loads(made.stdout)["key"]}
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _outcome(answer: Mapping[str, Any], truth: Mapping[str, Any]) -> Outcome:
    """Put one line of ``submit --json`` beside the truth."""
    path = str(answer["path"])
    facts = truth[f"frames/{Path(path).name}"]
    if answer["status"] != "ok":
        return Outcome(path, None, None, None, False, None, answer["error"]["message"])
    submission = answer["submission"]
    return Outcome(
        path=path,
        band=answer["band"],
        mag=answer["mag"],
        mag_err=answer["mag_err_total"],
        is_limit=answer["is_limit"],
        truth=facts["mags"][answer["band"]],
        state=submission["state"],
    )


def _show(outcomes: list[Outcome], *, as_json: bool) -> None:
    """Print the night beside the truth."""
    if as_json:
        for outcome in outcomes:
            print_json({**vars(outcome), "difference": outcome.difference, "pull": outcome.pull})
        return
    click.echo(
        f"{'frame':<22} {'band':<11} {'magnitude':>10} {'error':>7} {'truth':>8}"
        f" {'difference':>10} {'diff/err':>8}  submission"
    )
    for outcome in outcomes:
        mag = "" if outcome.mag is None else f"{'>' * outcome.is_limit}{outcome.mag:.3f}"
        click.echo(
            f"{Path(outcome.path).name:<22} {outcome.band or '-':<11} {mag:>10}"
            f" {_number(outcome.mag_err, '.3f'):>7} {_number(outcome.truth, '.3f'):>8}"
            f" {_number(outcome.difference, '+.3f'):>10} {_number(outcome.pull, '+.1f'):>8}"
            f"  {outcome.state}"
        )


def _show_curve(curve: str) -> None:
    """Print the light curve as the server gave it, one point a line."""
    click.echo(f"{'MJD':>12}  {'band':<11} {'magnitude':>10} {'error':>7}  observatory")
    for point in csv.DictReader(curve.splitlines()):
        limit = point["is_limit"] == "true"
        mag = f"{'>' * limit}{float(point['mag']):.3f}"
        error = "" if limit else f"{float(point['mag_err_total']):.3f}"
        click.echo(
            f"{float(point['mjd']):>12.5f}  {point['band']:<11} {mag:>10} {error:>7}"
            f"  {point['observatory']}"
        )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _somebody_looks() -> bool:
    """Say whether there are a terminal and a screen with a person before them."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    if os.environ.get("QT_QPA_PLATFORM") in {"offscreen", "minimal"}:
        return False
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show_window(
    base: Path,
    frames: list[str],
    event: str,
    environment: Mapping[str, str],
    *,
    window: bool | None,
    pictures: bool,
) -> None:
    """Draw the window into pictures; open it for a person where there is a screen."""
    if not (_installed("PySide6") and _installed("pyqtgraph")):
        chat("5  Skipped: the window is not installed (PySide6, pyqtgraph).")
        return
    newest_first = [frames[-1], *frames[:-1]]  # the window opens on the transient at its brightest
    program = _program("cpcs-desktop", "cpcs_desktop.desktop:main")
    start = [*program, *newest_first, "--event", event]
    if pictures:
        (base / "pictures").mkdir(exist_ok=True)
        offscreen = {**environment, "QT_QPA_PLATFORM": "offscreen"}
        for view in PICTURES:
            picture = base / "pictures" / f"{view or 'window'}.png"
            chosen = [] if view is None else ["--view", view]
            chat(f"5  Picture of the window: {picture}")
            words = [*start, "--screenshot", str(picture), *chosen]
            with (base / "window.log").open("w", encoding="utf-8") as log:
                subprocess.run(words, env=offscreen, check=True, stderr=log)
    if _somebody_looks() if window is None else window:
        chat("6  The window, with the practice night; close it to end.")
        subprocess.run(start, env=dict(environment), check=True)
