"""The observer's guide keeps up with the program."""

from __future__ import annotations

import re
from pathlib import Path

from cpcs_desktop.ui.app import VIEWS, parser

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "observers-guide.md").read_text(encoding="utf-8")


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"\]\((pictures/[^)]+)\)", GUIDE)
    assert len(pictures) > 6
    assert [p for p in pictures if not (ROOT / "docs" / p).exists()] == []


def test_every_option_and_view_is_named() -> None:
    options = [o for a in parser()._actions for o in a.option_strings if o.startswith("--")]
    missing = [o for o in options if o not in GUIDE and o not in {"--help", "--version"}]
    assert missing == []
    assert [view for view in VIEWS if view not in GUIDE] == []
