"""What the process that holds models does. Each operation takes JSON data; pictures and sound are given by their paths.

Models stay loaded between requests, by the arguments they were loaded with.
"""

import os
from collections.abc import Callable
from typing import Any


def load() -> None:
    """Nothing beforehand: each model is loaded with the first request that needs it."""


OPERATIONS: dict[str, Callable[..., Any]] = {
    "ping": lambda: os.getpid(),
}
