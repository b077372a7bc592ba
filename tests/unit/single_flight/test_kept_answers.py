from __future__ import annotations

import threading
from array import array

import pytest
from litellm_gateway.kept_answers import MISSING, KeptAnswers, weigh
from litellm_gateway.responses import EmbedResponse, GenerateResponse, StreamChunk


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_answer_is_kept_for_its_time(clock: Clock) -> None:
    """Until the ttl is over, and not at its end."""
    kept = KeptAnswers(ttl=10, max_entries=10, max_bytes=10_000, clock=clock)
    kept.keep("key", "answer")
    clock.now += 9.9
    before = kept.get("key")

    clock.now += 0.1

    assert (before, kept.get("key"), kept.get("other")) == ("answer", MISSING, MISSING)


def test_without_a_ttl_nothing_is_kept(clock: Clock) -> None:
    """A ttl of zero switches it off."""
    kept = KeptAnswers(ttl=0, max_entries=10, max_bytes=10_000, clock=clock)

    kept.keep("key", "answer")

    assert (kept.active, len(kept)) == (False, 0)


def test_the_number_of_answers_is_bounded(clock: Clock) -> None:
    """The oldest go first."""
    kept = KeptAnswers(ttl=10, max_entries=3, max_bytes=10_000, clock=clock)

    for number in range(100):
        kept.keep(number, "answer")

    assert [number for number in range(100) if kept.get(number) is not MISSING] == [97, 98, 99]
    assert len(kept) == 3


def test_the_bytes_of_all_answers_are_bounded(clock: Clock) -> None:
    """A large answer pushes old ones out; one that is too large for all the room leaves the rest alone."""
    kept = KeptAnswers(ttl=10, max_entries=100, max_bytes=5000, clock=clock)
    for number in range(4):
        kept.keep(number, "x" * 1000)

    kept.keep("huge", "x" * 6000)
    small = len(kept)
    kept.keep("large", "x" * 3000)

    assert small == 4
    assert kept.get("huge") is MISSING
    assert kept.get("large") is not MISSING
    assert len(kept) == 2


def test_a_newer_answer_replaces_the_older(clock: Clock) -> None:
    """The time starts anew and the room of the old one is free again."""
    kept = KeptAnswers(ttl=10, max_entries=10, max_bytes=3000, clock=clock)
    for _ in range(50):
        clock.now += 1
        kept.keep("key", "x" * 2000)

    clock.now += 9

    assert kept.get("key") is not MISSING
    assert len(kept) == 1


def test_answers_whose_time_is_up_make_room(clock: Clock) -> None:
    """They are dropped as new ones come."""
    kept = KeptAnswers(ttl=10, max_entries=1000, max_bytes=10**6, clock=clock)
    for number in range(100):
        kept.keep(number, "answer")
    clock.now += 10

    kept.keep("new", "answer")

    assert len(kept) == 1


def test_many_threads_keep_the_bounds(clock: Clock) -> None:
    """Eight threads at once leave no more than allowed."""
    kept = KeptAnswers(ttl=10, max_entries=50, max_bytes=10**6, clock=clock)

    def fill(start: int) -> None:
        for number in range(500):
            kept.keep((start, number % 80), "answer")
            kept.get((start, number % 40))

    threads = [threading.Thread(target=fill, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(kept) == 50


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("x" * 1000, 1000, 1200),
        (b"x" * 1000, 1000, 1200),
        (array("f", [0.0] * 1000), 4000, 4200),
        ([0.5] * 1000, 32_000, 33_000),
        (GenerateResponse(text="x" * 5000, model="m"), 5000, 10_000),
        (EmbedResponse(vectors=(array("f", [0.0] * 100),) * 10, model="m"), 4000, 8000),
        ((StreamChunk("x" * 100),) * 10, 1000, 5000),
        (StreamChunk("", kind="annotation", data={"text": "x" * 1000}), 1000, 2500),
        (7, 1, 200),
        (None, 1, 200),
    ],
)
def test_answers_weigh_about_what_they_hold(value: object, least: int, most: int) -> None:
    """Texts, vectors and what is inside objects count."""
    assert least <= weigh(value) <= most
