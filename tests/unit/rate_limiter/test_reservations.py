from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from litellm_gateway.errors import InvalidRequestError, RateLimitError
from litellm_gateway.rate_limiter import RateLimitConfig, RateLimiter, Reservation

if TYPE_CHECKING:
    from collections.abc import Coroutine

FAR = 1e12


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def at_once(coroutine: Coroutine[Any, Any, Reservation]) -> Reservation:
    """Run a coroutine that must not wait."""
    with pytest.raises(StopIteration) as finished:
        coroutine.send(None)
    reservation = finished.value.value
    assert isinstance(reservation, Reservation)
    return reservation


def limits(requests: int | None = None, tokens: int | None = None) -> RateLimitConfig:
    return RateLimitConfig(requests_per_minute=requests, tokens_per_minute=tokens, enable_queuing=False)


def tokens_free(limiter: RateLimiter, upto: int, tenant: str = "") -> int:
    """Find the largest request that is let in now."""
    for tokens in range(upto, -1, -1):
        try:
            at_once(limiter.reserve(tenant, "m", tokens, FAR)).refund()
        except RateLimitError:
            continue
        return tokens
    return -1


@pytest.mark.parametrize("config", [None, RateLimitConfig(heed_provider_limits=False)])
def test_without_a_limit_everything_is_let_in(config: RateLimitConfig | None) -> None:
    """No config, or one without limits, switches the limiter off."""
    limiter = RateLimiter(config)

    reservations = [at_once(limiter.reserve("a", "m", 10**9, FAR)) for _ in range(100)]
    reservations[0].settle(5)
    reservations[1].refund()

    assert not limiter.active
    assert limiter.remaining("a") is None


def test_a_limited_limiter_is_active() -> None:
    """The pipeline may skip the room only when no limit is set."""
    assert RateLimiter(limits(requests=1)).active
    assert RateLimiter(limits(tokens=1)).active


def test_requests_over_the_limit_are_refused_with_the_time_to_wait(clock: Clock) -> None:
    """Without queuing the fourth of three is a RateLimitError of the gateway's own, with an exact hint."""
    limiter = RateLimiter(limits(requests=3), clock=clock)
    for _ in range(3):
        at_once(limiter.reserve("a", "m", 0, FAR))
    clock.now += 20

    with pytest.raises(RateLimitError) as refused:
        at_once(limiter.reserve("a", "m", 0, FAR))

    assert refused.value.scope == "gateway"
    assert refused.value.model == "m"
    assert refused.value.retry_after == pytest.approx(40, abs=0.3)
    clock.now += refused.value.retry_after or 0.0
    assert at_once(limiter.reserve("a", "m", 0, FAR)).requests == 1


def test_tenants_never_share(clock: Clock) -> None:
    """One tenant at its limit takes nothing from another."""
    limiter = RateLimiter(limits(requests=2), clock=clock)
    for _ in range(2):
        at_once(limiter.reserve("a", "m", 0, FAR))

    other = at_once(limiter.reserve("b", "m", 0, FAR))

    assert other.tenant == "b"
    assert (limiter.remaining("a"), limiter.remaining("b"), limiter.remaining("c")) == (0, 1, 2)


def test_names_of_tenants_cannot_collide_with_keys(clock: Clock) -> None:
    """A tenant named like another's key prefix has its own count."""
    limiter = RateLimiter(limits(requests=1, tokens=100), clock=clock)

    for tenant in ("", "/", "a", "a/1", "requests/a", "tokens/", "ä\n"):
        at_once(limiter.reserve(tenant, "m", 100, FAR))

    assert limiter.remaining("a") == 0


def test_request_and_tokens_are_taken_together_or_not_at_all(clock: Clock) -> None:
    """A request whose tokens find no room does not use up a request."""
    limiter = RateLimiter(limits(requests=5, tokens=100), clock=clock)
    at_once(limiter.reserve("a", "m", 90, FAR))

    for _ in range(10):
        with pytest.raises(RateLimitError):
            at_once(limiter.reserve("a", "m", 20, FAR))

    assert limiter.remaining("a") == 4
    assert tokens_free(limiter, 100, "a") == 10


def test_settling_gives_back_what_was_not_used(clock: Clock) -> None:
    """The estimate of 80 tokens that became 30 leaves room for 70."""
    limiter = RateLimiter(limits(tokens=100), clock=clock)
    reservation = at_once(limiter.reserve("a", "m", 80, FAR))

    reservation.settle(30)

    assert tokens_free(limiter, 100, "a") == 70


def test_settling_counts_what_was_used_beyond_the_estimate(clock: Clock) -> None:
    """The estimate of 10 that became 130 keeps everybody out until it is a minute old."""
    limiter = RateLimiter(limits(tokens=100), clock=clock)
    reservation = at_once(limiter.reserve("a", "m", 10, FAR))
    clock.now += 59

    reservation.settle(130)

    assert tokens_free(limiter, 100, "a") == -1
    clock.now += 59
    assert tokens_free(limiter, 100, "a") == -1
    clock.now += 2
    assert tokens_free(limiter, 100, "a") == 100


def test_an_estimate_of_nothing_is_settled_too(clock: Clock) -> None:
    """Zero tokens reserved, 60 used: 60 count."""
    limiter = RateLimiter(limits(tokens=100), clock=clock)

    at_once(limiter.reserve("a", "m", 0, FAR)).settle(60)

    assert tokens_free(limiter, 100, "a") == 40


def test_a_refund_gives_back_request_and_tokens(clock: Clock) -> None:
    """A call that failed leaves no trace."""
    limiter = RateLimiter(limits(requests=3, tokens=100), clock=clock)
    reservation = at_once(limiter.reserve("a", "m", 60, FAR))

    reservation.refund()

    assert limiter.remaining("a") == 3
    assert tokens_free(limiter, 100, "a") == 100


def test_only_the_first_settlement_counts(clock: Clock) -> None:
    """Settling and refunding again, in any order, changes nothing."""
    limiter = RateLimiter(limits(requests=3, tokens=100), clock=clock)
    settled = at_once(limiter.reserve("a", "m", 50, FAR))
    refunded = at_once(limiter.reserve("a", "m", 50, FAR))

    settled.settle(20)
    settled.refund()
    settled.settle(90)
    refunded.refund()
    refunded.settle(90)
    refunded.refund()

    assert limiter.remaining("a") == 2
    assert tokens_free(limiter, 100, "a") == 80


def test_settling_from_many_threads_counts_once(clock: Clock) -> None:
    """Sixteen threads settle 200 reservations at once: the drift is zero."""
    limiter = RateLimiter(limits(requests=1000, tokens=100_000), clock=clock)
    reservations = [at_once(limiter.reserve("a", "m", 500, FAR)) for _ in range(200)]
    start = threading.Barrier(16)

    def settle_all() -> None:
        start.wait()
        for number, reservation in enumerate(reservations):
            reservation.refund() if number % 2 else reservation.settle(100)

    threads = [threading.Thread(target=settle_all) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert limiter.remaining("a") == 900
    at_once(limiter.reserve("a", "m", 90_000, FAR))
    with pytest.raises(RateLimitError):
        at_once(limiter.reserve("a", "m", 1, FAR))


def test_threads_together_never_pass_the_limit(clock: Clock) -> None:
    """2,000 requests from eight threads against a limit of 500 admit exactly 500."""
    limiter = RateLimiter(limits(requests=500, tokens=10**6), clock=clock)
    admitted: list[int] = []

    def ask() -> None:
        for _ in range(250):
            try:
                at_once(limiter.reserve("a", "m", 7, FAR))
            except RateLimitError:
                continue
            admitted.append(1)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(admitted) == 500


def test_more_tokens_than_the_limit_are_refused_at_once() -> None:
    """A request that can never fit says so, with both numbers and what to change, also when queuing is on."""
    limiter = RateLimiter(RateLimitConfig(tokens_per_minute=1000))

    with pytest.raises(InvalidRequestError, match=r"1001 tokens.*tokens_per_minute=1000") as refused:
        at_once(limiter.reserve("a", "m", 1001, FAR))

    assert (refused.value.parameter, refused.value.model) == ("max_tokens", "m")
    assert limiter.queue_depth == 0


def test_a_negative_estimate_counts_as_nothing(clock: Clock) -> None:
    """A wrong estimate cannot give a tenant more than its limit."""
    limiter = RateLimiter(limits(tokens=100), clock=clock)

    at_once(limiter.reserve("a", "m", -500, FAR)).settle(-500)

    assert tokens_free(limiter, 100, "a") == 100


def test_counts_outlive_a_change_of_the_limits(clock: Clock) -> None:
    """After 8 of 10 a new limit of 9 leaves one, not nine."""
    limiter = RateLimiter(limits(requests=10), clock=clock)
    for _ in range(8):
        at_once(limiter.reserve("a", "m", 0, FAR))

    limiter.configure(limits(requests=9))

    assert limiter.remaining("a") == 1


def test_a_reservation_of_former_limits_settles_under_new_ones(clock: Clock) -> None:
    """What was not counted is not given back when a token limit comes while the call runs."""
    limiter = RateLimiter(limits(requests=10), clock=clock)
    early = at_once(limiter.reserve("a", "m", 70, FAR))
    limiter.configure(limits(requests=10, tokens=100))
    late = at_once(limiter.reserve("a", "m", 50, FAR))

    early.settle(10)
    late.settle(40)

    assert tokens_free(limiter, 100, "a") == 60


def test_limits_can_be_lifted_while_calls_run(clock: Clock) -> None:
    """Reservations settle quietly when there is no limit any more."""
    limiter = RateLimiter(limits(requests=1, tokens=10), clock=clock)
    reservation = at_once(limiter.reserve("a", "m", 10, FAR))

    limiter.configure(None)
    reservation.settle(5)

    assert not limiter.active
    assert at_once(limiter.reserve("a", "m", 10**9, FAR)).tokens is None


@pytest.mark.parametrize(("share", "refusals", "rate"), [(0.99, 0, 0.99), (1.01, None, 1.0), (3.0, None, 1.0)])
def test_an_hour_around_the_limit_admits_what_it_should(
    clock: Clock, share: float, refusals: int | None, rate: float
) -> None:
    """At 99 % of the limit nothing is refused; beyond it 100 +-1 % are admitted, whatever the load."""
    limiter = RateLimiter(limits(requests=600), clock=clock)
    refused = admitted = 0

    while clock.now < 1000 + 1800:
        clock.now += 60 / (600 * share)
        try:
            at_once(limiter.reserve("a", "m", 1, FAR))
        except RateLimitError:
            refused += 1
        else:
            admitted += 1

    assert refusals is None or refused == refusals
    assert admitted / (600 * 30) == pytest.approx(rate, rel=0.01)


def test_importing_the_room_imports_neither_limits_nor_asyncio() -> None:
    """`from litellm_gateway.rate_limiter import RateLimitConfig` costs what the config costs."""
    code = (
        "import sys\n"
        "from litellm_gateway.rate_limiter import RateLimitConfig, RateLimiter\n"
        "RateLimiter(None)\n"
        "print('limits' in sys.modules, 'asyncio' in sys.modules)"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.split() == ["False", "False"]


class Reserving(RuleBasedStateMachine):
    """Reserve, settle below the estimate, refund, let time pass: what counts never passes the limit."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.limiter = RateLimiter(limits(requests=8, tokens=100), clock=self.clock)
        self.open: list[tuple[Reservation, int]] = []
        self.counted: list[tuple[float, int, int]] = []  # at, requests, tokens

    def in_window(self, seconds: float) -> tuple[int, int]:
        lately = [entry for entry in self.counted if entry[0] > self.clock.now - seconds]
        return sum(entry[1] for entry in lately), sum(entry[2] for entry in lately)

    @rule(tokens=st.integers(0, 60))
    def reserve(self, tokens: int) -> None:
        requests, held = self.in_window(60.3)
        try:
            reservation = at_once(self.limiter.reserve("a", "m", tokens, FAR))
        except RateLimitError:
            assert requests + 1 > 8 or held + tokens > 100
            return
        self.open.append((reservation, len(self.counted)))
        self.counted.append((self.clock.now, 1, tokens))

    @rule(choice=st.randoms(use_true_random=False), share=st.floats(0, 1), again=st.booleans())
    def settle(self, choice: Any, share: float, again: bool) -> None:
        if not self.open:
            return
        reservation, index = self.open.pop(choice.randrange(len(self.open)))
        at, requests, tokens = self.counted[index]
        reservation.settle(int(tokens * share))
        if again:
            reservation.refund()
        self.counted[index] = (at, requests, int(tokens * share))

    @rule(choice=st.randoms(use_true_random=False))
    def refund(self, choice: Any) -> None:
        if not self.open:
            return
        reservation, index = self.open.pop(choice.randrange(len(self.open)))
        reservation.refund()
        self.counted[index] = (self.counted[index][0], 0, 0)

    @rule(seconds=st.one_of(st.floats(0, 5), st.floats(0, 100)))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def limits_hold(self) -> None:
        requests, tokens = self.in_window(59.999)
        assert requests <= 8
        assert tokens <= 100
        left = self.limiter.remaining("a")
        assert left is not None
        assert 8 - self.in_window(60.3)[0] <= left <= 8 - requests


TestReserving = Reserving.TestCase
TestReserving.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_reserving_does_not_wait_when_there_is_room() -> None:
    """With queuing on, a request that fits is let in without touching an event loop."""
    limiter = RateLimiter(RateLimitConfig(requests_per_minute=1, enable_queuing=True))

    reservation = at_once(limiter.reserve("a", "m", 0, FAR))

    assert reservation.requests == 1
