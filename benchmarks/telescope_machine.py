"""Fields prepared at home, packed, and calibrated on a telescope machine without a network.

    python benchmarks/telescope_machine.py [--fields 200] [--work FOLDER]

At home the fields of many events are fetched over TAP from a service on this machine and packed
into one file. The telescope machine is a profile of its own whose programs run in a network
namespace without any network (Linux, ``unshare``): there the pack is unpacked and a list of each
field is calibrated, its event found from the footprint. Every magnitude is compared with the truth.
Prints one JSON object; ends with 1 when a field fails, 3 where the network cannot be cut.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from astropy.table import Table, vstack

sys.path.insert(0, str(Path(__file__).parents[1]))

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.simulate.night import write_practice_night
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.patient_session import Patience
from cpcs_desktop.surveys.registry import survey
from cpcs_desktop.sync.events import EventList
from tests.surveys.tap_server import serving

SURVEYS = ("SDSS", "APASS")
RADIUS_DEG = 0.12
PROGRAM = [sys.executable, "-c", "from cpcs_desktop.cli.main import main; main()"]


@contextmanager
def timed(result: dict[str, Any], name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    result[f"{name}_s"] = round(time.monotonic() - start, 2)
    print(f"{name}: {result[f'{name}_s']} s", file=sys.stderr)


def cut_off() -> list[str] | None:
    """Return the words that run a program without network, None where that is not allowed."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*words, "true"], check=False).returncode == 0
        ):
            return words
    return None


def places(n: int) -> list[tuple[float, float]]:
    """Spread fields over the sky between 75 degrees south and north (golden spiral)."""
    top = math.sin(math.radians(75.0))
    return [
        ((k * 137.50776) % 360.0, math.degrees(math.asin(top * (2.0 * k + 1.0 - n) / n)))
        for k in range(n)
    ]


def night(folder: Path, n: int) -> tuple[list[Path], dict[str, dict[str, Any]], list[Event]]:
    """Write a list for each field; return them, what is true of them, and their events."""
    lists, truth, events = [], {}, []
    for k, center in enumerate(places(n)):
        field = folder / f"{k:03d}"
        write_practice_night(
            field, band="SDSS/r", n_frames=2, stars=150, seed=k + 1, size=(512, 512),
            surveys=SURVEYS, center=center, frames=False, cache=False,
        )  # fmt: skip
        name, facts = list(json.loads((field / "truth.json").read_text()).items())[-1]
        lists.append(field / name)
        truth[str(field / name)] = facts
        events.append(Event(facts["event"], facts["ra"], facts["dec"]))
    return lists, truth, events


def sky_of(folder: Path, key: str) -> Table:
    """Return what a service knows of a survey: the stars of all fields."""
    return vstack(
        [
            Table.read(file, format="ascii.csv")
            for file in sorted(folder.glob(f"*/surveys/{key}.csv"))
        ]
    )


def away(cut: list[str], profile: Path, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Run a verb on the telescope machine."""
    done = subprocess.run(
        [*cut, *PROGRAM, *words, "--profile", str(profile), "--json"],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=200)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    cut = cut_off()
    if cut is None:
        print("a program's network cannot be cut off here", file=sys.stderr)
        return 3
    with ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        result: dict[str, Any] = {"fields": options.fields}
        with timed(result, "simulate"):
            lists, truth, events = night(work / "sky", options.fields)
        cones = [
            (e.ra, e.dec, RADIUS_DEG) for e in events if e.ra is not None and e.dec is not None
        ]
        home = SurveyCache(work / "home")
        for key in SURVEYS:
            table = sky_of(work / "sky", key)
            with serving(survey(key).tap_table, table) as server, timed(result, f"fetch_{key}"):
                done = home.fetch(key, cones, url=server.url, patience=Patience(pause_s=0.0))
            result[f"pixels_{key}"] = done.done
        with timed(result, "pack"):
            home.pack(work / "night.tar", cones)
        result["pack_mib"] = round((work / "night.tar").stat().st_size / 2**20, 2)
        machine = work / "telescope"
        known = EventList(machine / "outbox.sqlite")
        known.learn(events)
        known.database.close()
        with timed(result, "unpack"):
            status, packed = away(cut, machine, "survey", "unpack", str(work / "night.tar"))
        result["covered"] = {part["survey"]: part["fraction"] for part in packed}
        with timed(result, "calibrate"):
            words = ["calibrate", *map(str, lists), "--event", "auto", "--jobs", "2"]
            status, answers = away(cut, machine, *words)
        good = [a for a in answers if a["status"] == "ok"]
        result["calibrated"] = len(good)
        sigmas = sorted(
            abs(a["mag"] - truth[a["path"]]["mag"]) / a["mag_err_total"]
            for a in good
            if a["event"] == truth[a["path"]]["event"] and a["band"] == "SDSS/r"
        )
        result["right_event_and_band"] = len(sigmas)
        result["within_3_sigma"] = sum(s <= 3.0 for s in sigmas)
        result["worst_sigma"] = round(sigmas[-1], 2) if sigmas else None
        print(json.dumps(result, indent=1))
        return 0 if status == 0 and len(good) == options.fields else 1


if __name__ == "__main__":
    sys.exit(main())
