"""What needs words: titles, descriptions, tags, answers. By a language model where there is one, else by the floor:
what can be told without any model, which says so.

A request is plain data with paths relative to the work directory:

titles       {"ask": "titles", "sections": FILE}, the file being
             {"language": "en", "sections": [{"start", "end", "text"}, …]}
             → {"titles": [text, …], "model", "model_version"}; a title for each section, none of them twice
description  {"ask": "description", …MATERIAL, "language": "en" or null, "confidence": number or null}
             → {"title", "description", "tags": [{"tag", "confidence"}, …], "language", "confidence", "model",
             "model_version"}
tags         the same without title and description
prompt       {"ask": "prompt", …MATERIAL, "prompt": text, "schema": a resolved JSON schema (schemas.py) or null}
             → {"text", "data", "model", "model_version"}, the one or the other being null

MATERIAL is {"facts": facts_of(probe), "speech": FILE, "seen": FILE, "frames": FILE, "readable": FILE}: a document of
speech, what a vision step answered, what workers.seen.sampling wrote, and workers.graph.ending; each may be null, or a
file that is not there.

Where a model was named and fails, titles are the floor's and a note says why: they are a small part of what is made. A
description or tags fail with it: who named a model wants no other answer in its place. A prompt has no floor.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.documents import read_document
from workers.engine.errors import ModelFailed, ModelMissing
from workers.engine.runner import Report
from workers.language import asked, floor
from workers.language.material import facts_of, read_material
from workers.languages import language_name
from workers.providers.base import Language, Progress, Providers

__all__ = ["ask", "check", "facts_of"]


def ask(
    request: Mapping[str, Any], workdir: Path, providers: Providers, report: Report, progress: Progress
) -> dict[str, Any]:
    """The answer to one request, as JSON data; "note" is in it where people should know something. Raises as
    workers.providers.base tells."""
    check(request, providers)
    model = providers.language
    name = request["ask"]
    if name == "titles":
        return _titles(request, workdir, model, report)
    material = read_material(request, workdir)
    unseen = f"The pictures were not looked at. {material.unseen}" if material.unseen else ""
    if model is None:
        without = floor.description_answer if name == "description" else floor.tags_answer
        answer = without(material, request.get("confidence"))
    elif name == "prompt":
        answer = asked.ask_prompt(model, material, request["prompt"], request.get("schema"), report)
    else:
        with_model = asked.ask_description if name == "description" else asked.ask_tags
        answer = with_model(model, material, request.get("language"), report)
    notes = [answer.get("note"), material.missing]
    if unseen and not (model and model.sees):
        notes.append(unseen)
    if model is None and request.get("language") not in (None, answer["language"]):
        notes.append(f"Without one it is not written in {language_name(request['language'])}.")
    if any(notes):
        answer["note"] = " ".join(note for note in notes if note)
    return answer


def check(request: Mapping[str, Any], providers: Providers) -> None:
    """Raises ModelMissing where a request can have no answer without a model, and there is none."""
    if request["ask"] == "prompt" and providers.language is None:
        raise ModelMissing("A prompt needs a language model, and none is named here: set LANGUAGE_URL.")


def _titles(request: Mapping[str, Any], workdir: Path, model: Language | None, report: Report) -> dict[str, Any]:
    content = read_document(workdir / request["sections"])
    texts = [section["text"] for section in content["sections"]]
    language = content.get("language") or ""
    if model is None or not any(texts):
        return floor.titles_answer(texts, language)
    try:
        titles, answer = asked.ask_titles(model, texts, language, report)
    except ModelFailed as exc:
        return floor.titles_answer(texts, language, note=f"{exc.message} Titles were made without it.")
    given: list[str] = []
    spare = floor.titles(texts, language)
    for place, title in enumerate(titles):
        given.append(title if title and title not in given else _unused(spare[place], given, place))
    return {"titles": given, **answer.model.to_json()}


def _unused(title: str, given: list[str], place: int) -> str:
    return title if title not in given else f"Part {place + 1}"
