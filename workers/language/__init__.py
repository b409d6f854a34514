"""What needs words: titles, descriptions, tags, answers. By a language model where there is one, else by the floor:
what can be told without any model, which says so.

A request is plain data with paths relative to the work directory:

titles       {"ask": "titles", "sections": FILE}, FILE being {"language": "en", "sections": [{"start", "end", "text"}]}
             → {"titles": [text, …], "model", "model_version"}; a title for each section, none of them twice
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.documents import read_document
from workers.engine.runner import Report
from workers.language import floor
from workers.providers.base import Progress, Providers


def ask(
    request: Mapping[str, Any], workdir: Path, providers: Providers, report: Report, progress: Progress
) -> dict[str, Any]:
    """The answer to one request, as JSON data. Raises as workers.providers.base tells."""
    sections = read_document(workdir / request["sections"])
    return floor.titles_answer([section["text"] for section in sections["sections"]], sections.get("language") or "")
