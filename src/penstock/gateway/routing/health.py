"""Health of one target: how fast it answers, how much it does, and whether it is in service.

Times are monotonic seconds, passed as `now`. One worker sees and judges for itself.
"""

import math
from collections import Counter, deque
from typing import Final, Literal

import msgspec

from penstock.core.clock import Clock
from penstock.wire.routing import Breaker
from penstock.wire.status import TargetReport, Transition

__all__ = ["MAX_PAUSE", "TargetHealth", "Ticket"]

State = Literal["closed", "open", "half_open"]

BUCKETS: Final = 10
"""The breaker's window moves in tenths."""
TIMES: Final = 128
"""Times kept for the p95: exact over these, 1 KiB a target, and never older than 128 answers."""
STALE_P95: Final = 16
"""New times after which the p95 is worked out again."""
FADING: Final = 10.0
"""Seconds in which the weight of a time in the average falls to 1/e."""
FORGETTING: Final = 30.0
"""Seconds without an answer in which what is held against a slow target falls to 1/e; else it would never be tried."""
LEAST_SHARE: Final = 0.05
"""Where the ramp starts, so that a target that came back is called at all."""
IN_A_ROW: Final = 10
"""Failures without one success between them that open the breaker by themselves, if it asks for no more attempts."""
MAX_HISTORY: Final = 50
MAX_ERRORS_KEPT: Final = 64
MAX_PAUSE: Final = 3600.0
"""Longest that a `Retry-After` is believed, seconds."""


class Ticket(msgspec.Struct, gc=False):
    """One attempt in flight. Handed back once, by `succeeded`, `failed` or `abandoned`; more is ignored."""

    started: float
    epoch: int
    """Of the state it was begun in: what was begun before a change says nothing about what came after."""
    probe: bool = False
    last_resort: bool = False  # begun while the target was out, because nothing better was left
    answered: bool = False
    slow: bool = False
    returned: bool = False


class TargetHealth:
    """One `provider/model` at one address.

    closed → open: in `window`, at least `minimum` attempts, and of these a share of `error_rate` failed or
    of `slow_rate` was slower than `slow_after`; or so many that failed in a row, without which a busy target's
    good past would keep it in service for half a window after it died. open → half-open: after `open_for`, doubled
    each time it opens again before it was back to its full share; or at once when it answers a call of last resort.
    half-open: one probe at a time; `probes` successes in a row close it, one failure opens it. Back in service, its
    share grows over `ramp` seconds.

    Beside that, a provider's `Retry-After` sets it aside for as long as it says, without judging it.

    Attributes:
        target: `provider/model`.
        in_flight: Attempts begun and not ended.
        latency: Mean seconds to first content, recent ones weighing more; 0.0 until there is one.
        clear: In service with its full share; then nothing else need be asked.
        used: When an attempt was last begun.
    """

    __slots__ = (
        "_aside_until",
        "_attempts",
        "_breaker",
        "_bucket",
        "_bucket_ends",
        "_clock",
        "_epoch",
        "_errors",
        "_history",
        "_latest",
        "_mean_at",
        "_mean_sum",
        "_mean_weight",
        "_open_for",
        "_p95",
        "_p95_age",
        "_passed",
        "_pause",
        "_position",
        "_probing",
        "_ramp",
        "_ramp_ends",
        "_reason",
        "_row",
        "_since",
        "_slow",
        "_state",
        "_times",
        "_total_attempts",
        "_total_errors",
        "_total_slow",
        "_until",
        "_width",
        "clear",
        "in_flight",
        "latency",
        "target",
        "used",
    )

    def __init__(self, target: str, breaker: Breaker, *, clock: Clock) -> None:
        self.target = target
        self.in_flight = 0
        self.latency = 0.0
        self.clear = True
        self.used = -math.inf
        self._clock = clock
        self._breaker = breaker
        self._state: State = "closed"
        self._epoch = 0
        self._reason = ""
        self._since: int | None = None
        self._history: deque[Transition] = deque(maxlen=MAX_HISTORY)
        self._latest: deque[tuple[float, str]] = deque(maxlen=MAX_ERRORS_KEPT)
        self._open_for = 0.0
        self._until = 0.0
        self._aside_until = 0.0
        self._pause = 0.0
        self._ramp = 0.0
        self._ramp_ends = 0.0
        self._passed = 0
        self._probing = False
        self._times: list[float] = []
        self._position = 0
        self._p95 = 0.0
        self._p95_age = STALE_P95
        self._forget_times()
        self._clear_window()

    # Being chosen

    @property
    def breaker(self) -> Breaker:
        return self._breaker

    @breaker.setter
    def breaker(self, breaker: Breaker) -> None:
        """New settings; what was counted in a window of another length is dropped, the state stays."""
        if breaker.window != self._breaker.window:
            self._breaker = breaker
            self._clear_window()
        self._breaker = breaker

    @property
    def state(self) -> State:
        """`open` also while it is set aside."""
        return "open" if self._aside_until > 0.0 else self._state

    @property
    def reason(self) -> str:
        """Why it is out; empty while it is in."""
        return self._reason

    def available(self, now: float) -> bool:
        """Whether an attempt may begin now. A half-open target is available while no probe is in flight."""
        if self.clear:
            return True
        self._settle(now)
        if self._aside_until > 0.0 or self._state == "open":
            return False
        return self._state == "closed" or not self._probing

    def wants_probe(self, now: float) -> bool:
        """Available, and the next attempt would be a probe."""
        return not self.clear and self.available(now) and self._state == "half_open"

    def share(self, now: float) -> float:
        """Share of its usual load that it should be given: 0 while out, 1 in full service."""
        if self.clear:
            return 1.0
        if not self.available(now):
            return 0.0
        left = self._ramp_ends - now
        return 1.0 if left <= 0.0 else max(1.0 - left / self._ramp, LEAST_SHARE)

    def back_at(self, now: float) -> float:
        """When it may be tried again; `now` or earlier when it may be already."""
        self._settle(now)
        return max(self._until if self._state == "open" else now, self._aside_until)

    def cost(self, now: float) -> float:
        """Expected seconds until one more attempt here would give content, for comparing targets.

        (in flight + 1) x mean time, divided by the share of attempts that succeed, so that a target
        which fails fast does not look fast. 0.0 until a time is known.
        """
        mean = self.latency
        idle = now - self._mean_at
        if idle > 1.0:
            mean *= math.exp(-idle / FORGETTING)
        cost = (self.in_flight + 1) * mean
        errors = self._total_errors
        if errors:
            cost /= max(1.0 - errors / self._total_attempts, 0.1)
        return cost

    @property
    def p95(self) -> float | None:
        """95th percentile of the latest times to first content, seconds; None until there is one."""
        times = self._times
        if not times:
            return None
        if self._p95_age >= STALE_P95 or len(times) < STALE_P95:
            self._p95 = sorted(times)[math.ceil(0.95 * len(times)) - 1]
            self._p95_age = 0
        return self._p95

    # Attempts

    def begin(self, now: float) -> Ticket:
        """An attempt starts. It is never refused: whether it should be made is asked of `available`."""
        self.in_flight += 1
        self.used = now
        if self.clear:
            return Ticket(now, self._epoch)
        self._settle(now)
        probe = self._state == "half_open" and not self._probing and self._aside_until <= 0.0
        if probe:
            self._probing = True
        return Ticket(now, self._epoch, probe, self._state == "open")

    def answering(self, ticket: Ticket, now: float, *, ttft: float | None = None) -> None:
        """First content came, `ttft` seconds after the start. A probe has passed with this.

        Called when it happens, a stream's time is known at once and not only at its end.
        """
        if ticket.answered or ticket.returned:
            return
        ticket.answered = True
        seconds = now - ticket.started if ttft is None else ttft
        self._learn(seconds, now)
        breaker = self._breaker
        if breaker.slow_after is not None and seconds > breaker.slow_after:
            ticket.slow = True
        if ticket.probe and ticket.epoch == self._epoch:
            self._probing = False
            self._probed(now, slow=ticket.slow, seconds=seconds)
        elif ticket.last_resort and ticket.epoch == self._epoch and not ticket.slow and self._aside_until <= 0.0:
            # With all targets out, calls are probes that cost nothing: one that answers need not wait for its own.
            self._half_open("it answered although it was out")
            self._probed(now, slow=False, seconds=seconds)

    def succeeded(self, ticket: Ticket, now: float, *, ttft: float | None = None) -> None:
        """The attempt ended well. `ttft` only matters when `answering` was not called."""
        if ticket.returned:
            return
        if not ticket.answered:
            self.answering(ticket, now, ttft=ttft)
        ticket.returned = True
        self.in_flight -= 1
        if ticket.epoch != self._epoch:
            return
        self._row = 0
        if now >= self._bucket_ends:
            self._roll(now)
        self._attempts[self._bucket] += 1
        self._total_attempts += 1
        if ticket.slow:
            self._slow[self._bucket] += 1
            self._total_slow += 1
            if self._state == "closed":
                self._judge_slowness(now)

    def failed(
        self, ticket: Ticket, now: float, error: str, *, counts: bool = True, retry_after: float | None = None
    ) -> None:
        """The attempt failed.

        Args:
            ticket: From `begin`.
            now: Seconds.
            error: What happened, for the reason: `upstream_error (503)`.
            counts: Whether it speaks against the target; a caller's fault does not (see `verdicts`).
            retry_after: Seconds for which the provider wants to be left alone.
        """
        if ticket.returned:
            return
        ticket.returned = True
        self.in_flight -= 1
        if retry_after is not None and retry_after > 0.0:
            self.set_aside(now, retry_after, error)
        if ticket.epoch != self._epoch:
            return
        if ticket.probe and not ticket.answered:
            self._probing = False
        if not counts:
            return
        if now >= self._bucket_ends:
            self._roll(now)
        self._attempts[self._bucket] += 1
        self._errors[self._bucket] += 1
        self._total_attempts += 1
        self._total_errors += 1
        self._row += 1
        self._latest.append((now, error))
        if self._state == "half_open":
            if ticket.probe:
                self._open(now, f"probe failed: {error}")
        elif self._state == "closed":
            self._judge_errors(now)

    def abandoned(self, ticket: Ticket) -> None:
        """The attempt was given up by us or by the caller: it says nothing about the target (FAILURES G13)."""
        if ticket.returned:
            return
        ticket.returned = True
        self.in_flight -= 1
        if ticket.probe and not ticket.answered and ticket.epoch == self._epoch:
            self._probing = False

    def set_aside(self, now: float, seconds: float, error: str) -> None:
        """Leave it alone for so long, at most `MAX_PAUSE`; then it comes back by its ramp."""
        until = now + min(seconds, MAX_PAUSE)
        if until <= self._aside_until:
            return
        fresh = self._aside_until <= 0.0
        self._aside_until = until
        self._pause = until - now
        self.clear = False
        if self._state != "open":
            reason = f"asked to wait {seconds:.3g} s: {error}"
            if fresh:
                self._note("open", reason)
            self._reason = reason

    def report(self, now: float, *, keys_aside: tuple[str, ...] = ()) -> TargetReport:
        self._settle(now)
        if now >= self._bucket_ends:
            self._roll(now)
        return TargetReport(
            target=self.target,
            state=self.state,
            reason=self._reason,
            since=self._since,
            attempts=self._total_attempts,
            errors=self._total_errors,
            in_flight=self.in_flight,
            latency=self.latency or None,
            p95=self.p95,
            keys_aside=keys_aside,
            history=tuple(self._history),
        )

    # States

    def _settle(self, now: float) -> None:
        """Changes that only time makes."""
        if self.clear:
            return
        if 0.0 < self._aside_until <= now:
            ended = self._aside_until
            self._aside_until = 0.0
            if self._state != "open":
                self._note(self._state, "the time to wait is over")
            if self._state == "closed":
                # A second's wait is no outage: it is not paid for with a whole ramp.
                self._ramp = min(self._breaker.ramp, self._pause)
                self._ramp_ends = ended + self._ramp
                self._reason = ""
        if self._aside_until > 0.0:
            return
        if self._state == "open" and now >= self._until:
            self._half_open(f"trying again after {self._open_for:.3g} s")
        elif self._state == "closed" and now >= self._ramp_ends:
            self._open_for = 0.0
            self.clear = True

    def _open(self, now: float, reason: str) -> None:
        breaker = self._breaker
        # Kept until the full share is reached again: one that fails in its ramp waits twice as long.
        self._open_for = min(self._open_for * 2.0 or breaker.open_for, breaker.open_for_at_most)
        self._until = now + self._open_for
        self._state = "open"
        self._epoch += 1
        self._probing = False
        self.clear = False
        self._clear_window()
        self._latest.clear()
        self._note("open", reason)

    def _half_open(self, reason: str) -> None:
        self._state = "half_open"
        self._epoch += 1
        self._passed = 0
        self._probing = False
        self._note("half_open", reason)

    def _close(self, now: float) -> None:
        self._state = "closed"
        self._epoch += 1
        self._ramp = self._breaker.ramp
        self._ramp_ends = now + self._ramp
        self._clear_window()
        self._latest.clear()
        self._note("closed", f"{self._passed} probes succeeded in a row")
        self._reason = ""

    def _probed(self, now: float, *, slow: bool, seconds: float) -> None:
        if slow:
            self._open(now, f"probe failed: first content after {seconds:.3g} s")
            return
        if self._passed == 0:
            # Times from before the outage say nothing about now.
            self._forget_times()
            self._learn(seconds, now)
        self._passed += 1
        if self._passed >= self._breaker.probes:
            self._close(now)

    def _judge_errors(self, now: float) -> None:
        breaker = self._breaker
        attempts, errors = self._total_attempts, self._total_errors
        row = min(self._row, errors)  # within the window
        if attempts >= breaker.minimum and errors >= breaker.error_rate * attempts:
            told = f"{errors} of {attempts} attempts failed in {breaker.window:g} s"
        elif row >= max(breaker.minimum, IN_A_ROW):
            told = f"{row} attempts in a row failed"
        else:
            return
        ((error, _),) = Counter(error for at, error in self._latest if at > now - breaker.window).most_common(1)
        self._open(now, f"{told}: {error}")

    def _judge_slowness(self, now: float) -> None:
        breaker = self._breaker
        attempts, slow = self._total_attempts, self._total_slow
        if breaker.slow_after is not None and attempts >= breaker.minimum and slow >= breaker.slow_rate * attempts:
            told = f"{slow} of {attempts} attempts took more than {breaker.slow_after:g} s"
            self._open(now, f"{told} in {breaker.window:g} s")

    def _note(self, state: State, reason: str) -> None:
        self._since = self._clock.now()
        self._reason = reason
        self._history.append(Transition(at=self._since, state=state, reason=reason))

    # Counting

    def _clear_window(self) -> None:
        self._width = max(self._breaker.window, 1e-3) / BUCKETS
        self._attempts = [0] * BUCKETS
        self._errors = [0] * BUCKETS
        self._slow = [0] * BUCKETS
        self._total_attempts = self._total_errors = self._total_slow = 0
        self._row = 0
        self._bucket = 0
        self._bucket_ends = -math.inf

    def _roll(self, now: float) -> None:
        """Move the window on to `now`."""
        width = self._width
        past = now - self._bucket_ends
        if past >= width * BUCKETS:
            self._attempts = [0] * BUCKETS
            self._errors = [0] * BUCKETS
            self._slow = [0] * BUCKETS
            self._total_attempts = self._total_errors = self._total_slow = 0
            self._bucket_ends = now + width
            return
        for _ in range(int(past / width) + 1):
            bucket = self._bucket = (self._bucket + 1) % BUCKETS
            self._total_attempts -= self._attempts[bucket]
            self._total_errors -= self._errors[bucket]
            self._total_slow -= self._slow[bucket]
            self._attempts[bucket] = self._errors[bucket] = self._slow[bucket] = 0
            self._bucket_ends += width

    def _forget_times(self) -> None:
        self._mean_sum = self._mean_weight = 0.0
        self._mean_at = 0.0
        self._times = []
        self._position = 0
        self._p95_age = STALE_P95

    def _learn(self, seconds: float, now: float) -> None:
        """A mean whose weights fade with time, so that it does not matter in which bursts answers come."""
        faded = math.exp((self._mean_at - now) / FADING) if now > self._mean_at else 1.0
        self._mean_at = now
        self._mean_sum = total = self._mean_sum * faded + seconds
        self._mean_weight = weight = self._mean_weight * faded + 1.0
        self.latency = total / weight
        times = self._times
        if len(times) < TIMES:
            times.append(seconds)
        else:
            position = self._position
            times[position] = seconds
            self._position = position + 1 if position + 1 < TIMES else 0
        self._p95_age += 1
