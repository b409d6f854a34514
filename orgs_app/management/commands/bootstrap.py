"""`manage.py bootstrap`: what a fresh service needs before anyone can use it, made once."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from orgs_app.credentials import bootstrap


class Command(BaseCommand):
    help = "Make the first organisation, project, keys and admin account, and write credentials.json. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", type=Path, default=settings.DATA_DIR / "credentials.json")

    def handle(self, *args: Any, **options: Any) -> None:
        bootstrap(options["file"])
        self.stdout.write(str(options["file"]))
