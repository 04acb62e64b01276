"""Light curves by cursor: right at little cost, whoever writes at the same moment."""

from __future__ import annotations

import threading
import time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from cpcs_desktop.wire import LightCurveAnswer
from server_stub.database import Database
from server_stub.points import next_change
from server_stub.tables import EventRow
from tests.serving import EVENT, point_json


def followed(cache: dict[str, Any], answer: LightCurveAnswer) -> None:
    """Keep a cache right as a client does."""
    if answer.complete:
        cache.clear()
    for row in answer.rows:
        if row.withdrawn:
            cache.pop(row.id, None)
        else:
            cache[row.id] = row


def ask(bench: Any, since: int) -> LightCurveAnswer:
    return LightCurveAnswer.model_validate_json(bench.curve(since=since).content)


def test_unknown_event_and_empty_light_curve(bench: Any) -> None:
    assert bench.curve(event="ivo://nowhere").status_code == 404
    assert bench.curve().json() == {"event": EVENT, "cursor": 0, "rows": [], "complete": True}


def test_changes_since_a_cursor(bench: Any) -> None:
    for n in (1, 2, 3):
        bench.put(point_json(n))
    first = ask(bench, 0)
    assert len(first.rows) == 3
    assert first.complete
    assert ask(bench, first.cursor).rows == ()
    assert ask(bench, first.cursor).cursor == first.cursor
    bench.put(point_json(2, mag=15.5, revision=2))
    bench.client.delete(
        f"/api/v1/points/{point_json(3)['id']}", params={"reason": "x"}, headers=bench.auth()
    )
    later = ask(bench, first.cursor)
    assert not later.complete
    assert [(r.mag, r.withdrawn) for r in later.rows] == [(15.5, False), (16.25, True)]
    assert later.cursor == 5


def test_a_cursor_from_the_future_gets_everything(bench: Any) -> None:
    bench.put(point_json())
    answer = ask(bench, 1000)
    assert (answer.complete, answer.cursor, len(answer.rows)) == (True, 1, 1)


def test_etag_spares_the_answer(bench: Any) -> None:
    bench.put(point_json())
    tag = bench.curve().headers["ETag"]
    same = bench.curve(**{"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    bench.put(point_json(2))
    assert bench.curve(**{"If-None-Match": tag}).status_code == 200
    packed = bench.curve(**{"Accept-Encoding": "gzip"})
    plain = bench.curve(**{"Accept-Encoding": "identity"})
    assert packed.json() == plain.json()


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(["put", "better", "withdraw", "fetch"]), st.integers(1, 4)),
        max_size=15,
    )
)
def test_a_cache_that_follows_is_the_light_curve(bench: Any, acts: list[tuple[str, int]]) -> None:
    cache: dict[str, Any] = {}
    cursor = 0
    for act, n in acts:
        there = bench.client.get(f"/api/v1/points/{point_json(n)['id']}", headers=bench.auth())
        revision = there.json()["revision"] if there.status_code == 200 else 0
        if act == "put":
            bench.put(point_json(n, revision=max(revision, 1), mag=15 + max(revision, 1) / 1e4))
        elif act == "better":
            bench.put(point_json(n, revision=revision + 1, mag=15 + (revision + 1) / 1e4))
        elif act == "withdraw":
            path = f"/api/v1/points/{point_json(n)['id']}"
            bench.client.delete(path, params={"reason": "x"}, headers=bench.auth())
        else:
            answer = ask(bench, cursor)
            followed(cache, answer)
            cursor = answer.cursor
    followed(cache, ask(bench, cursor))
    assert cache == {row.id: row for row in ask(bench, 0).rows}


def test_no_change_is_missed_under_many_writers(bench: Any) -> None:
    """A reader that always continues from its cursor sees every point, whatever the order."""
    writers = 6
    each = 8
    done = threading.Event()
    seen: dict[str, Any] = {}

    def write(w: int) -> None:
        for n in range(each):
            assert bench.put(point_json(100 * (w + 1) + n)).status_code == 201

    def follow() -> None:
        cursor = 0
        while True:
            last = done.is_set()
            answer = ask(bench, cursor)
            followed(seen, answer)
            assert answer.cursor >= cursor
            cursor = answer.cursor
            if last:
                return

    reader = threading.Thread(target=follow)
    reader.start()
    threads = [threading.Thread(target=write, args=(w,)) for w in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    done.set()
    reader.join(60)
    assert len(seen) == writers * each


def test_numbers_become_visible_in_their_order(bench: Any) -> None:
    """A slow transaction holds its number: nobody can commit a higher one before it."""
    database: Database = bench.database
    with database.reading() as session:
        event = session.query(EventRow).filter_by(ivorn=EVENT).one().id
    started = threading.Event()
    order: list[str] = []

    def slow() -> None:
        with database.writing() as session:
            next_change(session, event)
            started.set()
            time.sleep(0.3)
            order.append("slow")

    def quick() -> None:
        started.wait(10)
        with database.writing() as session:
            next_change(session, event)
            order.append("quick")

    threads = [threading.Thread(target=f) for f in (slow, quick)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert order == ["slow", "quick"]
    with database.writing() as session:
        session.execute(update(EventRow).values(change=0))
