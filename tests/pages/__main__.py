"""`python -m tests.pages` writes the pages of docs/; with `--check` it only tells whether they are in step.

It wants a data folder that may be thrown away: scripts/with_temporary_data.py gives it one.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is not in step")
    parser.add_argument("--folder", type=Path, default=DOCS, help="where the pages are")
    arguments = parser.parse_args()
    written = {arguments.folder / name: text for name, text in _pages().items()}
    if not arguments.check:
        for path, text in written.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return
    stale = [str(path) for path, text in written.items() if not path.exists() or path.read_text() != text]
    if stale:
        sys.exit(f"{', '.join(stale)} not in step with what the service answers: run `make docs`.")


def _pages() -> dict[str, str]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ittyhost.settings")
    import django

    django.setup()
    logging.disable(logging.CRITICAL)  # the errors are asked for
    from django.core.management import call_command

    from tests.pages.errors import errors_page
    from tests.pages.versions import versions_page

    call_command("migrate", verbosity=0)
    return {"errors.md": errors_page(), "versions.md": versions_page()}


if __name__ == "__main__":
    main()
