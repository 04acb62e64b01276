"""What a person reads of one outcome, of progress, and at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cpcs_desktop.batch.one_input import Outcome


def sentence(outcome: Outcome) -> str:
    """Return what a person reads of one input, its checks below it."""
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


def duration(seconds: float) -> str:
    """Return a time to wait for, as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
