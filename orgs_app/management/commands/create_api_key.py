"""`manage.py create_api_key --project prj_… --scope read`: a key, printed and shown nowhere again."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ittyhost.errors import DomainError
from orgs_app.models import ApiKey
from orgs_app.selectors import project_get
from orgs_app.services import api_key_create

UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def moment(text: str) -> datetime:
    """A date and time (UTC where it names no zone), or a time from now: 12h, 90d, 2w."""
    span = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if span:
        return timezone.now() + int(span[1]) * UNITS[span[2]]
    try:
        parsed = parse_datetime(text) or parse_datetime(f"{text}T00:00:00")
    except ValueError:
        parsed = None
    if parsed is None:
        raise ArgumentTypeError(f"{text!r} is neither a time such as 2030-01-31T12:00:00Z nor a span such as 90d.")
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Make an API key and print it. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="PRJ_ID")
        parser.add_argument(
            "--scope", required=True, action="append", help=f"{' or '.join(ApiKey.SCOPES)}; repeat it, or use commas"
        )
        parser.add_argument("--test", action="store_true", help="a test key; default: live")
        parser.add_argument("--name", default="Made by create_api_key")
        parser.add_argument("--expires", type=moment, metavar="TIME", help="2030-01-31T12:00:00Z, or 90d from now")

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = [scope.strip() for given in options["scope"] for scope in given.split(",")]
        try:
            _, secret = api_key_create(
                project=project_get(options["project"]),
                name=options["name"],
                live_mode=not options["test"],
                scopes=scopes,
                expires_at=options["expires"],
            )
        except DomainError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(secret)
