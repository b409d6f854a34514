"""A language model behind HTTP: OpenAI's chat completions, as Ollama, vLLM, llama.cpp's server and hosted services have
them. Answers by a schema are asked for in the strictest way that the server takes, and checked whatever it promises."""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ittyhost.providers.answers import Unreadable, clean_text, data_in, spoken
from ittyhost.providers.endpoint import Endpoint, Refused
from ittyhost.providers.pictures import jpeg_of
from ittyhost.providers.refusals import TURNS
from workers.engine.errors import ModelFailed
from workers.engine.runner import Report, Stops
from workers.language.schemas import is_closed
from workers.providers.base import Answer, Message, Model

PER_TOKEN = 3  # characters that a token has at least, of the scripts that workers.language.material counts as one each
WARMTH, SEED = 0.2, 1  # temperature, and what chance begins from: the same question is to be answered alike
SHOWN = 8000  # characters of a wrong answer that the model is shown again
# How an answer by a schema is asked for, from what asks most of a server to what asks least: held to the whole schema;
# to what hosted services hold to; told of it; held to JSON; told in words.
_FORMS = ("whole", "strict", "schema", "object", "plain")
_HELD = _FORMS[:3]  # whose answer is JSON from its first character, if the server does as it is asked
_LOOSE = frozenset({"minLength", "maxLength", "uniqueItems"})  # what strict modes do not take
_PATH = re.compile(r"/|~/|\./|[A-Za-z]:\\|\\\\|.*\.gguf$")
_known: dict[tuple[str, str], dict[str, Any]] = {}  # what each server takes, found out once per process


class Chat:
    """The exchange itself: messages with pictures to text, or to JSON by a schema."""

    def __init__(self, endpoint: Endpoint, *, most_tokens: int) -> None:
        self.endpoint = endpoint
        self.most_tokens = most_tokens  # of an answer
        self._takes = _known.setdefault((endpoint.url, endpoint.model), {})

    @property
    def model(self) -> Model:
        return Model(self.endpoint.model, "as served")

    def answer(self, messages: Sequence[Message], schema: Mapping[str, Any] | None, report: Stops) -> Answer:
        """Raises ModelFailed, Stopped, and what pictures raise."""
        ends = self.endpoint.ends()
        told = [self._message(message, report) for message in messages]
        reply = self._asked(told, schema, report, ends)
        if schema is None:
            return self._answer(reply, spoken(reply.text), None)
        tokens = reply.tokens
        try:
            return self._answer(reply, reply.text, self._data(reply, schema))
        except Unreadable as exc:
            told += [{"role": "assistant", "content": reply.text[:SHOWN]}] if reply.text.strip() else []
            told += [{"role": "user", "content": f"That cannot be used: {exc}. Answer again, with the JSON alone."}]
        reply = self._asked(told, schema, report, ends)
        try:
            return self._answer(reply, reply.text, self._data(reply, schema), before=tokens)
        except Unreadable as exc:
            raise ModelFailed(
                f"The {self.endpoint.name} answered twice with what cannot be used: {exc}.",
                log=self.endpoint.masked(reply.text)[:SHOWN],
            ) from None

    def _data(self, reply: "_Reply", schema: Mapping[str, Any]) -> Any:
        """Raises Unreadable, and ModelFailed where the answer came to no end."""
        text = reply.text
        if not text.strip() and reply.thought.lstrip().startswith("{"):
            text = reply.thought  # vLLM takes an answer held to a schema for thought, where its model did not think
        elif self._takes.get("form") in _HELD and not spoken(text).startswith("{"):
            self._takes["form"] = "object"  # the server knows no schemas and does not say so: tell the model of it
        try:
            return data_in(text, schema)
        except Unreadable:
            if not reply.complete:
                raise self._endless() from None
            raise

    def _endless(self) -> ModelFailed:
        return ModelFailed(
            f"The {self.endpoint.name} came to no end within {self.most_tokens} tokens"
            f" ({self.endpoint.setting}_TOKENS)."
        )

    def _answer(self, reply: "_Reply", text: str, data: Any, before: int | None = 0) -> Answer:
        if data is None and not text:
            raise ModelFailed(f"The {self.endpoint.name} answered with nothing.") if reply.complete else self._endless()
        tokens = None if reply.tokens is None or before is None else reply.tokens + before
        return Answer(text, data, Model(self.endpoint.model, reply.version), tokens, reply.complete)

    def _asked(self, told: list[Any], schema: Mapping[str, Any] | None, report: Stops, ends: float) -> "_Reply":
        refused: Refused | None = None
        for body, learned in self._bodies(told, schema):
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
            try:
                content = self.endpoint.post("/chat/completions", data, "application/json", report=report, ends=ends)
            except Refused as exc:
                if exc.meaning not in ("", TURNS):
                    raise
                self._learn(exc)
                refused = exc
                continue
            self._takes.update(learned)
            return _Reply(content, self.endpoint)
        assert refused is not None
        raise refused

    def _learn(self, refused: Refused) -> None:
        """Some servers say which word they do not take, and some models no messages but by turns."""
        if "max_completion_tokens" in refused.words:
            self._takes["tokens"] = "max_completion_tokens"
        for word in ("temperature", "seed"):
            if word in refused.words:
                self._takes["without"] = self._takes.get("without", frozenset()) | {word}
        if refused.meaning == TURNS:
            self._takes["turns"] = True

    def _bodies(self, told: list[Any], schema: Mapping[str, Any] | None) -> Iterator[tuple[dict[str, Any], Any]]:
        """What to send, from what asks most of the server to what asks least; each form once more where the server
        told which other word it does not take."""
        forms: tuple[str, ...] = _forms(schema)
        known = self._takes.get("form")
        if schema is not None and known in forms:
            forms = forms[forms.index(known) :]
        for form in forms:
            learned = {"form": form} if schema is not None else {}
            before = None
            while before != (habits := tuple(self._takes.get(name) for name in ("tokens", "without", "turns"))):
                before = habits
                yield self._body(told, schema, form), learned

    def _body(self, told: list[Any], schema: Mapping[str, Any] | None, form: str) -> dict[str, Any]:
        if schema is not None and form not in _HELD:
            rules = json.dumps(schema, ensure_ascii=False)
            said = f"Answer with one JSON object alone, valid by this JSON schema:\n{rules}"
            told = [told[0] | {"content": _both(told[0]["content"], said)}, *told[1:]]
        body: dict[str, Any] = {
            "model": self.endpoint.model,
            "messages": _by_turns(told) if self._takes.get("turns") else told,
            "stream": False,
            self._takes.get("tokens", "max_tokens"): self.most_tokens,
            "temperature": WARMTH,
            "seed": SEED,
        }
        for word in self._takes.get("without", ()):
            del body[word]
        if schema is None:
            return body
        if form in _HELD:
            sent = _loosened(schema) if form == "strict" else schema
            named = {"name": "answer", "schema": sent, "strict": form != "schema"}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif form == "object":
            body["response_format"] = {"type": "json_object"}
        return body

    def _message(self, message: Message, report: Stops) -> dict[str, Any]:
        if not message.pictures:
            return {"role": message.role, "content": message.text}
        parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}]
        parts += [
            {"type": "image_url", "image_url": {"url": _data_uri(picture, report)}} for picture in message.pictures
        ]
        return {"role": message.role, "content": parts}


def _forms(schema: Mapping[str, Any] | None) -> tuple[str, ...]:
    if schema is None:
        return ("plain",)
    return _FORMS if is_closed(schema) else _FORMS[2:]


def _by_turns(told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages as those of a user and an assistant who take turns. The rules are the user's then, and what stands
    together is one message."""
    made: list[dict[str, Any]] = []
    for message in told:
        role = "user" if message["role"] == "system" else message["role"]
        if made and made[-1]["role"] == role:
            made[-1] = {"role": role, "content": _both(made[-1]["content"], message["content"])}
        else:
            made.append({"role": role, "content": message["content"]})
    return made


def _both(first: Any, second: Any) -> Any:
    """The contents of two messages as that of one."""
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [
        part for one in (first, second) for part in ([{"type": "text", "text": one}] if isinstance(one, str) else one)
    ]


def _loosened(schema: Any) -> Any:
    """The schema without what strict modes do not take; properties may be called so."""
    if not isinstance(schema, dict):
        return [_loosened(item) for item in schema] if isinstance(schema, list) else schema
    kept = {word: inner for word, inner in schema.items() if word not in _LOOSE}
    named = {name: _loosened(inner) for name, inner in schema.get("properties", {}).items()}
    others = {word: _loosened(inner) for word, inner in kept.items() if word not in ("properties", "enum", "const")}
    return kept | others | ({"properties": named} if named else {})


class _Reply:
    """What is of use in an answer of the server's. Raises ModelFailed where nothing is."""

    def __init__(self, content: Mapping[str, Any], endpoint: Endpoint) -> None:
        try:
            choice = content["choices"][0]
            message = choice["message"]
            said, refusal = message.get("content") or "", message.get("refusal")
            thought, ended = message.get("reasoning_content") or message.get("reasoning"), choice.get("finish_reason")
        except (KeyError, IndexError, TypeError, AttributeError):
            log = endpoint.masked(json.dumps(content))[:SHOWN]
            told = "an error" if content.get("error") else "what is no chat completion"
            raise ModelFailed(f"The {endpoint.name} answered with {told}.", log=log) from None
        if isinstance(said, list):  # parts, as some servers have them
            said = "".join(str(part.get("text") or "") for part in said if isinstance(part, dict))
        elif isinstance(said, dict):  # JSON that the server read already
            said = json.dumps(said, ensure_ascii=False)
        if (refusal and not said) or ended == "content_filter":
            log = endpoint.masked(str(refusal or said))[:SHOWN]
            raise ModelFailed(f"The {endpoint.name} refused to answer.", log=log)
        if ended == "error":  # as OpenRouter has it, with what was said until then
            raise ModelFailed(
                f"The {endpoint.name} broke off its answer.", log=endpoint.masked(json.dumps(content))[:SHOWN]
            )
        self.text = str(said)
        self.thought = thought if isinstance(thought, str) else ""
        self.complete = ended != "length"
        usage = content.get("usage")
        tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
        self.tokens: int | None = tokens if isinstance(tokens, int) else None
        self.version = _version(content, endpoint.model)


def _version(content: Mapping[str, Any], asked: str) -> str:
    """What the server says that it is: the model that it took, where that is a closer name, else its fingerprint."""
    served, mark = content.get("model"), content.get("system_fingerprint")
    if isinstance(served, str) and served and served != asked:
        # llama.cpp's server tells where the file lies that it read: no more of that than its name.
        name = re.split(r"[/\\]", served)[-1] if _PATH.match(served) else served
        return clean_text(name[:100])
    return clean_text(mark[:100]) if isinstance(mark, str) and mark else "as served"


def _data_uri(picture: Path, report: Stops) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg_of(picture, report)).decode()}"


class ChatLanguage:
    """workers.providers.base.Language by such a server. `tokens` is what the messages and the answer of one request may
    have together; a quarter of it is the answer's."""

    def __init__(self, endpoint: Endpoint, *, sees: bool, tokens: int) -> None:
        self._chat = Chat(endpoint, most_tokens=tokens // 4)
        self._tokens = tokens
        self._sees = sees

    @property
    def model(self) -> Model:
        return self._chat.model

    @property
    def sees(self) -> bool:
        return self._sees

    @property
    def room(self) -> int:
        return (self._tokens - self._chat.most_tokens) * PER_TOKEN

    def answer(self, messages: Sequence[Message], *, schema: Mapping[str, Any] | None, report: Report) -> Answer:
        return self._chat.answer(messages, schema, report)
