"""The practice night: a sky with known truth in a profile of its own."""

from __future__ import annotations

import json
from pathlib import Path

from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.profile import Profile
from cpcs_desktop.settings import save_settings


def practice_profile(profile: Profile) -> Profile:
    """Return the profile of the practice night; its false stars never meet the observer's own."""
    folder = profile.folder / "practice-night"
    return Profile(folder=folder, survey_cache=folder / "cache")


def make_practice_night(profile: Profile, *, size: tuple[int, int] = (1024, 1024)) -> list[Path]:
    """Write the practice night into its profile and return its frames and lists.

    Made for a background thread; a night that is there already is used again.
    """
    from cpcs_desktop.settings import AppSettings, ObservatorySettings
    from cpcs_desktop.simulate.night import write_practice_night
    from cpcs_desktop.sync.events import EventList

    practice = practice_profile(profile)
    truth_file = practice.folder / "truth.json"
    if not truth_file.exists():
        write_practice_night(practice.folder, size=size)
    truth = json.loads(truth_file.read_text(encoding="utf-8"))
    events = EventList(practice.outbox_file)
    try:
        for told in truth.values():
            events.add(Event(told["event"], told["ra"], told["dec"]))
    finally:
        events.database.close()
    if not practice.settings_file.exists():
        place = ObservatorySettings(name="Practice", longitude=15.0, latitude=45.0)
        save_settings(practice, AppSettings(observatory=place, observers=("you",)))
    return [practice.folder / name for name in sorted(truth) if name.startswith("frames/")]
