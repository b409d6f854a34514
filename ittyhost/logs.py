"""Structured logs: one JSON object a line on standard error, each with the request or task it belongs to."""

import logging.config
from typing import Literal

import structlog
from structlog.typing import Processor

# Added to every line, ours and the libraries'. What is bound in contextvars (request, project, task) comes first.
_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def configure(*, level: str = "INFO", form: Literal["json", "text"] | str = "json") -> None:
    """Send structlog's and the standard library's lines through one formatter. A later call replaces."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": {"()": structlog.stdlib.ProcessorFormatter, **_rendering(form)}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # Each request has one line of its own (ittyhost.api.request_ids); Django's would be a second one.
                "django.request": {"level": "ERROR"},
                "django.server": {"level": "ERROR"},
                # A traceback for each Host header that some stranger made up; the request's line tells its status.
                "django.security.DisallowedHost": {"level": "CRITICAL"},
                # One line for each message and sweep; attempts have their own (tasks_app.jobs).
                "celery.beat": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                # At DEBUG they print whole requests, with their keys.
                "boto3": {"level": "INFO"},
                "botocore": {"level": "INFO"},
                "urllib3": {"level": "INFO"},
                "PIL": {"level": "INFO"},
            },
        }
    )


def _rendering(form: str) -> dict[str, object]:
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form == "text":
        # Not the default formatter: it prints local variables, and with them keys and passwords.
        last.append(structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback))
    else:
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    return {"processors": last, "foreign_pre_chain": list(_SHARED)}
