"""Row groups kept in memory: never an answer of another question, never beyond the limit."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.decoded import DecodedGroups


def table_of(key: tuple[str, int, int, tuple[int, ...]]) -> pa.Table:
    return pa.table({"a": np.full(1000, hash(key) % 10**6)})  # 8,000 bytes


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=60))
def test_the_answer_is_that_of_the_key_and_memory_is_bounded(asked: list[tuple[int, int]]) -> None:
    kept = DecodedGroups(limit_bytes=40_000)
    for file, mtime in asked:
        key = (f"{file}", mtime, 1, (0, 1))
        assert kept.get(key, lambda key=key: table_of(key)).equals(table_of(key))
        assert kept.nbytes <= 40_000


def test_the_same_is_read_once_and_what_is_too_large_is_not_kept() -> None:
    calls: list[int] = []
    kept = DecodedGroups(limit_bytes=40_000)
    key = ("x", 1, 1, (0,))

    def read() -> pa.Table:
        calls.append(1)
        return table_of(key)

    assert kept.get(key, read) is kept.get(key, read)
    assert len(calls) == 1
    kept.get(("big", 1, 1, (0,)), lambda: pa.table({"a": np.zeros(10_000)}))
    assert kept.nbytes == 8000


def test_many_threads_get_their_own_answers() -> None:
    kept = DecodedGroups(limit_bytes=40_000)
    wrong: list[int] = []

    def ask(seed: int) -> None:
        for n in np.random.default_rng(seed).integers(0, 8, 300):
            key = (f"{n}", 1, 1, (0,))
            if not kept.get(key, lambda key=key: table_of(key)).equals(table_of(key)):
                wrong.append(int(n))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert kept.nbytes <= 40_000


def test_cones_do_not_depend_on_what_was_asked_before(tmp_path, make_sky) -> None:
    make_sky(30_000, centre=(10.0, 20.0)).write(tmp_path / "stars.ecsv")
    first, second = SurveyCache(tmp_path / "cache"), SurveyCache(tmp_path / "cache")
    first.import_files("GAIA", [tmp_path / "stars.ecsv"])
    cones = [(10.0 + k * 0.03, 20.0, 0.1 + 0.02 * k) for k in range(6)]
    forward = [first.reference_stars("GAIA", *cone) for cone in cones]
    backward = [second.reference_stars("GAIA", *cone) for cone in reversed(cones)][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert len(one.ra) > 50
            for name in ("source_id", "ra", "dec", "mag", "mag_err", "flags"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
