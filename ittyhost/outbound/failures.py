"""How a fetch ends that gives no file."""


class FetchFailed(Exception):
    """The URL gave no file. `message` is for its user; `transient` tells whether later may be better."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.transient = transient


class FetchStopped(Exception):
    """`should_stop` said so."""
