"""What can go wrong, told apart by whose fault it is."""

LOG_TAIL = 64 * 1024  # bytes of what tools print that are kept
NOTHING = "Nothing was made: the input has no picture or sound where it was asked for."


class MediaError(Exception):
    """The source's or the options' fault: trying again cannot help.

    `message` is for the user and names no path of this host, `log` (the end of a tool's stderr) is for operators only,
    `code` is a stable word for programs, `param` the option at fault; None blames the source.
    """

    code = "media_error"

    def __init__(self, message: str, *, log: str = "", code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.log = log[-LOG_TAIL:]
        self.param = param
        if code is not None:
            self.code = code


class SourceUnsupported(MediaError):
    """The source is sound, but this cannot be made from it, or its type is not one we read."""

    code = "source_unsupported"


class SourceUnreadable(MediaError):
    """The source is damaged, cut short, or not what it says it is."""

    code = "source_unreadable"


class LimitExceeded(MediaError):
    """The work needed more time, memory, pixels or bytes than it may have."""

    code = "limit_exceeded"


class ProcessingFailed(MediaError):
    """The tool gave up on this source with these options."""

    code = "processing_failed"


class OutputMismatch(MediaError):
    """What was made is not what was planned."""

    code = "output_mismatch"


class ModelMissing(MediaError):
    """The work needs a model that is not installed here; the message says how to get it."""

    code = "model_missing"


class ModelFailed(MediaError):
    """A model gave no answer that is of use; the message says what it did instead."""

    code = "model_failed"


class EngineUnavailable(Exception):
    """This host's fault (no ffmpeg, missing encoder, full disk): another attempt may succeed."""

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.log = log[-LOG_TAIL:]


class Stopped(Exception):
    """The report said stop: cancelled, lease lost or shutting down. Nothing of the work is left running."""
