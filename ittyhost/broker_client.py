"""The broker, asked directly: at once or not at all."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str, *, seconds: float) -> redis.Redis:
    """A client of the broker that waits so long for each step and tries nothing twice. It connects when it is used;
    its calls raise RedisError."""
    at_once = Retry(NoBackoff(), 0)
    if url.startswith("redis+socket://"):  # Celery's way to write it
        url = url.replace("redis+socket://", "unix://", 1).replace("virtual_host=", "db=")
        return redis.Redis.from_url(url, retry=at_once, socket_timeout=seconds)
    return redis.Redis.from_url(url, retry=at_once, socket_timeout=seconds, socket_connect_timeout=seconds)
