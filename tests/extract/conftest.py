"""Helper modules beside the tests can be imported by name; the practice night."""

import sys
from pathlib import Path

from tests.practice import practice, practice_truth

__all__ = ["practice", "practice_truth"]

sys.path.insert(0, str(Path(__file__).parent))
