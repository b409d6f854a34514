"""`manage.py create_project NAME`: a project with a live and a test key, printed as JSON."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ittyhost.errors import DomainError
from orgs_app.credentials import project_with_keys


class Command(BaseCommand):
    help = "Make a project with a live and a test key, and print them in the form of credentials.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--organisation", metavar="ORG_ID", help="an organisation's id; default: the oldest one")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            facts = project_with_keys(name=options["name"], organisation_id=options["organisation"])
        except DomainError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(facts.to_json())
