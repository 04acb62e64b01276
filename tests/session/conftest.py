"""Known truth and a profile for the tests of the night."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cpcs_desktop.profile import Profile, open_profile
from cpcs_desktop.session.night import Night

_FILE = Path(__file__).parents[1] / "known_night.py"
if "known_night" not in sys.modules:
    _spec = importlib.util.spec_from_file_location("known_night", _FILE)
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["known_night"] = _module
    _spec.loader.exec_module(_module)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """An empty profile."""
    return open_profile(tmp_path / "profile")


@pytest.fixture
def night(profile: Profile) -> Iterator[Night]:
    """An empty night."""
    made = Night(profile)
    yield made
    made.close()
