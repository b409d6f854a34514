"""`manage.py search_rebuild`: the index of `GET /media?search=` anew, of rows and of documents in the bucket."""

from typing import Any

from django.core.management.base import BaseCommand

from media_app.services import search_rebuild


class Command(BaseCommand):
    help = (
        "Index every media anew, by its names and by what its files say. Safe to repeat, and beside a running service."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        media, files, lost = search_rebuild()
        self.stdout.write(f"{media} media and {files} files indexed.")
        if lost:
            self.stderr.write(f"{lost} files could not be read from the bucket and are found as before.")
