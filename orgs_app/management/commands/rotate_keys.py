"""`manage.py rotate_keys`: every sealed secret under the first key of KEY_RING, so that later ones can be dropped."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orgs_app.keyring import Undecipherable
from orgs_app.services import api_keys_rotate


class Command(BaseCommand):
    help = "Seal every API key under the first key of KEY_RING. Keys go on working meanwhile. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = api_keys_rotate()
        except Undecipherable as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{changed} API keys sealed under the first key of KEY_RING.")
