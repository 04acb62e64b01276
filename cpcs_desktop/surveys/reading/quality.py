"""The survey's own judgement of its stars, applied while a table is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.survey import QualityRule, ReferenceSurvey
from cpcs_desktop.surveys.reading.raw_table import RawTable


def apply_quality_rules(
    table: RawTable, survey: ReferenceSurvey, mag_err: NDArray[np.float32]
) -> NDArray[np.int32]:
    """Return the flags of every row; a band's own bad mark takes its error away.

    Parameters
    ----------
    mag_err : ndarray of float32, shape (n, n_bands)
        Changed in place: NaN where a band is marked bad or the survey's largest valid error is
        exceeded.
    """
    flags = np.zeros(len(table), np.int32)
    letters = [b.letter for b in survey.bands]
    if survey.max_err is not None:
        mag_err[mag_err > survey.max_err] = np.nan
    for rule in survey.quality_rules:
        column = next((c for c in rule.columns if c in table.columns), None)
        if column is None:
            continue
        if rule.letters:
            texts = table.texts(column)
            for place, letter in enumerate(rule.letters):
                marks = np.array([t[place : place + 1] for t in texts])
                mag_err[np.isin(marks, list(rule.bad_values)), letters.index(letter)] = np.nan
        else:
            flags[_is_bad(table, column, rule)] |= int(rule.flag)
    return flags


def _is_bad(table: RawTable, column: str, rule: QualityRule) -> NDArray[np.bool_]:
    bad = np.zeros(len(table), np.bool_)
    if rule.bad_values:
        bad |= np.isin(table.texts(column), list(rule.bad_values))
    if rule.at_least is None and rule.at_most is None and not rule.bad_bits:
        return bad
    try:
        values = table.numbers(column)
    except ValueError:
        return bad  # the column means something else in this table
    known = np.isfinite(values)
    if rule.at_least is not None:
        bad |= known & (values < rule.at_least)
    if rule.at_most is not None:
        bad |= known & (values > rule.at_most)
    if rule.bad_bits:
        bits = np.where(known, values, 0).astype(np.int64)
        bad |= (bits & rule.bad_bits) != 0
    return bad
