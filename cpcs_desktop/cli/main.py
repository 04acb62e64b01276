"""The ``cpcs`` command: verbs are loaded only when they are called, so that help is quick."""

from __future__ import annotations

import importlib
import sys

import click

from cpcs_desktop import __version__
from cpcs_desktop.garbage import collect_rarely

#: verb -> (module that holds its click command, one-line help). The help stands here so that
#: ``cpcs --help`` imports nothing.
VERBS: dict[str, tuple[str, str]] = {
    "calibrate": ("calibrate", "Calibrate frames or source lists for a target."),
    "extract": ("extract", "Extract sources from a frame."),
    "solve": ("solve", "Find where on the sky a frame lies."),
    "survey": ("survey", "List, import, check and show cached reference surveys."),
    "event": ("event", "List, add and fetch events."),
    "submit": ("submit", "Calibrate, accept, queue and push."),
    "queue": ("queue_verb", "Show and push the outbox, withdraw points."),
    "watch": ("watch", "Calibrate what arrives in a folder."),
    "lightcurve": ("lightcurve", "Print or export the shared light curve of an event."),
    "record": ("record", "Export, open and re-run the evidence behind a point."),
    "recalibrate": ("recalibrate", "Calibrate all points again and show what moves."),
    "bhtom": ("bhtom", "Send source lists to BHTOM, too (off by default)."),
    "login": ("login", "Remember the server's address and the access key."),
    "config": ("config", "Read and change settings."),
    "simulate": ("simulate", "Write a practice night with known truth."),
    "demo": ("demo", "Run the main job on a practice night."),
}


class LazyVerbs(click.Group):
    """A click group that imports a verb's module when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs in the order of the table."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one verb and return its command."""
        del ctx
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"cpcs_desktop.cli.{VERBS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


@click.group(cls=LazyVerbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cpcs")
def cpcs() -> None:
    """Photometric calibration of frames and star lists, offline until the moment of sending."""


def main() -> None:
    """Run the command line; results on stdout, chatter on stderr, status 0, 1 or 2."""
    collect_rarely()
    sys.exit(cpcs())
