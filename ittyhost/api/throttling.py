"""How often one API key may ask: a token bucket for each key, in the broker, so that all web processes share it.

A bucket holds RATE_BURST requests and gets RATE_LIMIT new ones a second. It is kept as one number, the moment at which
it will be full again: a request moves that moment on by its share of a second, and is refused when it would lie further
away than a whole bucket. A full bucket is no key at all.

Limits are a courtesy to other tenants and no safeguard of data, so a broker that is away or silent lets everybody
through; for PAUSE_SECONDS after a failure nobody asks it.
"""

import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from redis.exceptions import RedisError

from ittyhost.broker_client import connect
from ittyhost.errors import RateLimited

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 0.25  # what a request may wait for the broker
PAUSE_SECONDS = 5.0
POLICY = '"key"'

# KEYS: the bucket. ARGV: microseconds for one request, and for a whole bucket: whole numbers, which Lua's doubles add
# exactly. The clock is the server's, as those of web processes differ. Where it was set back, or the settings changed,
# a bucket may seem emptier than empty: that is cut off.
TAKE = """
local one, room = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local full = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now), now), now + room)
local wait = full + one - room - now
if wait > 0 then
    return {0, 0, wait}
end
full = full + one
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return {1, math.floor((now + room - full) / one), full - now}
"""


@dataclass(frozen=True)
class Rate:
    """What a key's bucket says to one request. `seconds` (at least 1) is how long to wait after a refusal, else until
    the bucket is full again."""

    allowed: bool
    remaining: int
    seconds: int
    burst: int
    window: int  # seconds in which an empty bucket fills

    @property
    def headers(self) -> Mapping[str, str]:
        """RateLimit fields as draft-ietf-httpapi-ratelimit-headers writes them."""
        return {
            "RateLimit-Policy": f"{POLICY};q={self.burst};w={self.window}",
            "RateLimit": f"{POLICY};r={self.remaining};t={self.seconds}",
        }


class Limiter:
    """Buckets in one broker. Threads share it."""

    def __init__(self, url: str, *, rate: int, burst: int) -> None:
        self._take = connect(url, seconds=ANSWER_SECONDS).register_script(TAKE)
        self._one = max(1, round(1e6 / rate))
        self._burst = burst
        self._lock = threading.Lock()
        self._is_away = False
        self._ask_again = 0.0  # while it is away

    def take(self, name: str) -> Rate | None:
        """Count one request; None when the broker does not tell."""
        if self._is_away and not self._may_try():
            return None
        room = self._one * self._burst
        try:
            allowed, remaining, wait = self._take(keys=[f"ittyhost:rate:{name}"], args=[self._one, room])
        except (RedisError, OSError) as exc:
            self._went_away(exc)
            return None
        if self._is_away:
            self._came_back()
        return Rate(bool(allowed), remaining, max(1, math.ceil(wait / 1e6)), self._burst, max(1, math.ceil(room / 1e6)))

    def _may_try(self) -> bool:
        """Once in a pause, for one thread: a broker that hangs costs that one request its wait, and no other."""
        with self._lock:
            if time.monotonic() < self._ask_again:
                return False
            self._ask_again = time.monotonic() + PAUSE_SECONDS
            return True

    def _went_away(self, exc: Exception) -> None:
        with self._lock:
            is_news, self._is_away = not self._is_away, True
            self._ask_again = time.monotonic() + PAUSE_SECONDS
        if is_news:
            logger.warning("requests are not counted: the broker does not answer", extra={"reason": str(exc)})

    def _came_back(self) -> None:
        with self._lock:
            self._is_away = False
        logger.info("requests are counted again")


@cache
def _limiter(url: str, rate: int, burst: int) -> Limiter:
    return Limiter(url, rate=rate, burst=burst)


def take(name: str) -> Rate | None:
    """Count a request of a key; None when limits are off, or the broker does not tell."""
    if not settings.RATE_LIMIT:
        return None
    return _limiter(settings.BROKER_URL, settings.RATE_LIMIT, settings.RATE_BURST).take(name)


def refusal(rate: Rate) -> RateLimited:
    """What to raise for a request that is not allowed."""
    return RateLimited(f"Too many requests with this API key. Try again in {rate.seconds} s.", retry_after=rate.seconds)
