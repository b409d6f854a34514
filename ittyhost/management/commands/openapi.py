"""`manage.py openapi --write` makes docs/openapi/<version>.yaml from the code; `--check` tells if they are in step."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ittyhost.api.openapi import document
from ittyhost.api.reference import to_yaml
from ittyhost.api.versions import all_versions


class Command(BaseCommand):
    help = "Write the OpenAPI documents, or check that they are in step with the code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group(required=True)
        group.add_argument("--write", action="store_true", help="write docs/openapi/<version>.yaml")
        group.add_argument("--check", action="store_true", help="fail when a file differs from what the code says")
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / "docs" / "openapi")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        wanted = {folder / f"{version}.yaml": to_yaml(document(version)) for version in all_versions()}
        if options["write"]:
            folder.mkdir(parents=True, exist_ok=True)
            for path, text in wanted.items():
                path.write_text(text)
                self.stdout.write(str(path))
            return
        stale = [path.name for path, text in wanted.items() if not path.exists() or path.read_text() != text]
        if stale:
            raise CommandError(f"{', '.join(stale)} out of step with the code: run manage.py openapi --write.")
