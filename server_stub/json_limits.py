"""What free-form JSON inside a point may not do: nest without end, or hold what is no number."""

from __future__ import annotations

import math
from typing import Any

from cpcs_desktop.wire import PointSubmission

DEEPEST = 32


def json_reasons(submission: PointSubmission) -> list[str]:
    """Return what is wrong with the free-form parts of a submission."""
    reasons = _wrong(submission.point.provenance, "provenance")
    evidence = submission.evidence
    if evidence is not None:
        for name in ("fits", "choice", "checks", "settings"):
            reasons += _wrong(getattr(evidence, name), f"evidence.{name}")
        lengths = {len(column) for column in evidence.stars.values()}
        if len(lengths) > 1:
            reasons.append("evidence.stars: the columns differ in length")
    return reasons


def _wrong(value: Any, name: str) -> list[str]:
    """Walk level by level, so that depth is counted and never recursed into."""
    level = [value]
    for _ in range(DEEPEST):
        deeper: list[Any] = []
        for part in level:
            if isinstance(part, float) and not math.isfinite(part):
                return [f"{name}: holds a value that is not a finite number"]
            if isinstance(part, str) and "\x00" in part:
                return [f"{name}: a text holds the character NUL"]
            if isinstance(part, dict):
                deeper += part.keys()
                deeper += part.values()
            elif isinstance(part, list | tuple):
                deeper += part
        if not deeper:
            return []
        level = deeper
    return [f"{name}: nested deeper than {DEEPEST} levels"]
