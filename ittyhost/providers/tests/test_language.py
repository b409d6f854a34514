"""A language model behind HTTP: what is sent, what is made of what comes back, and every way it can go wrong."""

import base64
import gzip
import io
import json
import logging
import re
import threading
import time

import pytest
from PIL import Image

from ittyhost.providers import endpoint
from ittyhost.providers.tests.server import (
    breaks_off,
    drips,
    drips_in_its_head,
    drops,
    never_answers,
    pours,
    refuses,
    says,
    sends,
    streams,
    waits,
)
from workers.engine.errors import ModelFailed, Stopped
from workers.engine.runner import Silent
from workers.providers.base import Message, Model

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "minLength": 1}, "sure": {"type": "number", "minimum": 0}},
    "required": ["title", "sure"],
    "additionalProperties": False,
}
GOOD = {"title": "Harbour", "sure": 0.5}
ASKED = (Message("system", "You describe."), Message("user", "A harbour."))


class Stopping(Silent):
    """A report that says stop from a moment on."""

    def __init__(self, after: float) -> None:
        self.at = time.monotonic() + after

    def should_stop(self) -> bool:
        return time.monotonic() > self.at


def test_messages_go_out_as_chat_completions_and_the_answer_comes_back(server, language):
    server.answers = [says("It is a harbour.", model="tiny-2026-01")]
    answer = language().answer(ASKED, schema=None, report=Silent())
    assert (answer.text, answer.data, answer.tokens, answer.complete) == ("It is a harbour.", None, 7, True)
    assert answer.model == Model("tiny", "tiny-2026-01")
    (request,) = server.asked
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["Authorization"] == "Bearer s3cret"
    assert server.body(0) == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "You describe."}, {"role": "user", "content": "A harbour."}],
        "stream": False,
        "max_tokens": 1024,
        "temperature": 0.2,
        "seed": 1,
    }


def test_an_answer_by_a_schema_is_asked_for_in_strict_form(server, language):
    server.answers = [says(GOOD, system_fingerprint="fp\x00_1")]
    answer = language().answer(ASKED, schema=SCHEMA, report=Silent())
    assert (answer.data, answer.model) == (GOOD, Model("tiny", "fp_1"))
    form = {"name": "answer", "schema": SCHEMA, "strict": True}
    assert server.body(0)["response_format"] == {"type": "json_schema", "json_schema": form}


def test_a_server_that_knows_no_schemas_is_asked_in_plainer_forms_and_next_time_at_once(server, language):
    refusal = sends({"error": {"message": "unknown response_format"}}, 400)
    server.answers = [
        refusal,
        refusal,
        refusal,
        refusal,
        says(f"Here it is:\n```json\n{json.dumps(GOOD)}\n```\nAnything else?"),
    ]
    model = language()
    assert model.answer(ASKED, schema=SCHEMA, report=Silent()).data == GOOD
    assert model.answer(ASKED, schema=SCHEMA, report=Silent()).data == GOOD
    forms = [server.body(number).get("response_format", {}) for number in range(len(server.asked))]
    assert [form.get("type") for form in forms] == [*["json_schema"] * 3, "json_object", None, None]
    assert [form.get("json_schema", {}).get("strict") for form in forms[:3]] == [True, True, False]
    title = [form["json_schema"]["schema"]["properties"]["title"] for form in forms[:3]]
    assert title == [{"type": "string", "minLength": 1}, {"type": "string"}, {"type": "string", "minLength": 1}]
    assert server.body(4)["messages"][0]["content"].endswith(json.dumps(SCHEMA))


def test_words_that_a_server_does_not_know_are_left_out(server, language):
    server.answers = [
        sends({"error": {"message": "Unsupported parameter: use 'max_completion_tokens' instead."}}, 400),
        sends({"error": {"message": "temperature does not support 0.2 with this model."}}, 400),
        sends({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "input": 1}]}, 422),
        says("Yes."),
    ]
    assert language().answer(ASKED, schema=None, report=Silent()).text == "Yes."
    assert {name: value for name, value in server.body(3).items() if name != "messages"} == {
        "model": "tiny",
        "stream": False,
        "max_completion_tokens": 1024,
    }


def test_a_broken_answer_is_asked_for_once_more(server, language):
    server.answers = [says('{"title": "Harb'), says(GOOD)]
    answer = language().answer(ASKED, schema=SCHEMA, report=Silent())
    assert (answer.data, answer.tokens) == (GOOD, 14)
    assert server.body(1)["messages"][2:] == [
        {"role": "assistant", "content": '{"title": "Harb'},
        {"role": "user", "content": "That cannot be used: its JSON is broken. Answer again, with the JSON alone."},
    ]


def test_what_a_model_thinks_first_is_no_part_of_its_answer(server, language):
    server.answers = [
        says('<think>Maybe {"title": "A boat"}?</think>\n' + json.dumps(GOOD)),
        says("<think>Hm.</think> Yes."),
    ]
    assert language().answer(ASKED, schema=SCHEMA, report=Silent()).data == GOOD
    assert language().answer(ASKED, schema=None, report=Silent()).text == "Yes."


@pytest.mark.parametrize(
    "thought",
    [
        'Maybe {"title": "A boat"}?</think>',  # its beginning stood in the question
        "<thinking>Hm.</thinking>",
        "<reasoning>Hm.</reasoning>",
        "[THINK]Hm.[/THINK]",
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>",
    ],
)
def test_each_way_to_think_is_known(server, language, thought):
    server.answers = [says(thought + json.dumps(GOOD)), says(f"{thought} Yes.")]
    assert language().answer(ASKED, schema=SCHEMA, report=Silent()).data == GOOD
    assert language().answer(ASKED, schema=None, report=Silent()).text == "Yes."
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "reasoning_content": json.dumps(GOOD)},  # vLLM, where a thinking model does not think
        {"content": [{"type": "thinking", "text": None}, {"type": "text", "text": json.dumps(GOOD)}]},
        {"content": GOOD},
        {"content": f"As {{asked}}, {{ here }} it is: {json.dumps(GOOD)}"},
        {"content": json.dumps(GOOD), "reasoning_content": 'Maybe {"title": "A boat"}?'},
    ],
)
def test_an_answer_is_found_wherever_it_stands(server, language, message):
    server.answers = [says(None, message=message)]
    assert language().answer(ASKED, schema=SCHEMA, report=Silent()).data == GOOD


def test_what_a_model_thinks_is_no_text_of_its_answer(server, language):
    server.answers = [says("", message={"reasoning": "They ask for a harbour."})]
    with pytest.raises(ModelFailed) as caught:
        language().answer(ASKED, schema=None, report=Silent())
    assert caught.value.message == "The language model answered with nothing."
    server.answers = [says("<think>They ask", finish_reason="length")]
    with pytest.raises(ModelFailed) as caught:
        language().answer(ASKED, schema=None, report=Silent())
    assert caught.value.message == "The language model came to no end within 1024 tokens (LANGUAGE_TOKENS)."


def test_a_server_that_passes_over_schemas_in_silence_has_the_model_told_of_them(server, language):
    server.answers = [says("A harbour."), says(GOOD)]
    model = language()
    assert model.answer(ASKED, schema=SCHEMA, report=Silent()).data == GOOD
    assert model.answer(ASKED, schema=SCHEMA, report=Silent()).data == GOOD
    first, *others = [server.body(number) for number in range(len(server.asked))]
    assert json.dumps(SCHEMA) not in first["messages"][0]["content"]
    assert [body["response_format"] for body in others] == [{"type": "json_object"}] * 2
    assert all(body["messages"][0]["content"].endswith(json.dumps(SCHEMA)) for body in others)


@pytest.mark.parametrize(
    "refusal",
    [
        refuses(
            "After the optional system message, conversation roles must alternate user/assistant/user/assistant/..."
        ),
        refuses("Jinja Exception: System role not supported", 500),
    ],
)
def test_a_model_that_takes_turns_gets_them(server, language, tmp_path, refusal):
    picture = tmp_path / "blue.jpg"
    Image.new("RGB", (64, 48), "#336699").save(picture)
    server.answers = [refusal, says("A harbour."), says(GOOD)]
    asked = (*ASKED, Message("user", "And this?", (picture,)))
    assert language(sees=True, timeout=20).answer(asked, schema=SCHEMA, report=Silent()).data == GOOD
    first, again = server.body(1)["messages"], server.body(2)["messages"]
    assert [message["role"] for message in first] == ["user"]
    assert [part.get("text") for part in first[0]["content"]] == ["You describe.\n\nA harbour.", "And this?", None]
    assert [message["role"] for message in again] == ["user", "assistant", "user"]


def test_a_model_that_is_being_loaded_is_waited_for(server, language):
    loading = refuses("Loading model", 503, type="unavailable_error")
    server.answers = [*[loading] * 5, says("Yes.")]
    assert language().answer(ASKED, schema=None, report=Silent()).text == "Yes."
    server.answers, server.asked = [loading], []
    with pytest.raises(ModelFailed) as caught:
        language(timeout=1.5).answer(ASKED, schema=None, report=Silent())
    assert caught.value.message == "The language model was still being loaded after 1.5 seconds."
    server.answers, server.asked = [loading, never_answers], []
    with pytest.raises(ModelFailed) as caught:
        language(timeout=1.5).answer(ASKED, schema=None, report=Silent())
    assert caught.value.message == "The language model was still being loaded after 1.5 seconds."
    with pytest.raises(Stopped):
        language().answer(ASKED, schema=None, report=Stopping(0.2))


def test_the_place_of_a_model_on_the_servers_disk_is_told_to_nobody(server, language):
    served = ("/srv/models/tiny-q4.gguf", r"C:\models\tiny-q4.gguf", "org/tiny-q4.gguf", "org/tiny-q4")
    server.answers = [says("Yes.", model=name) for name in served]
    versions = [language().answer(ASKED, schema=None, report=Silent()).model.version for _ in served]
    assert versions == ["tiny-q4.gguf"] * 3 + ["org/tiny-q4"]


def test_what_no_file_and_no_database_keeps_is_taken_out_of_answers(server, language):
    server.answers = [says('{"title": "Har\\u0000bo\\ud800ur", "sure": 1}'), says("a\x00b\ud83d")]
    assert language().answer(ASKED, schema=SCHEMA, report=Silent()).data == {"title": "Harbour", "sure": 1}
    assert language().answer(ASKED, schema=None, report=Silent()).text == "ab"


def test_a_text_that_was_cut_short_says_so(server, language):
    server.answers = [says("It is a", finish_reason="length")]
    answer = language().answer(ASKED, schema=None, report=Silent())
    assert (answer.text, answer.complete) == ("It is a", False)


def test_a_slow_server_is_waited_for_longer_than_to_be_reached(server, language, monkeypatch):
    monkeypatch.setattr(endpoint, "CONNECT_SECONDS", 0.1)
    server.answers = [waits(0.4, says("Yes."))]
    assert language().answer(ASKED, schema=None, report=Silent()).text == "Yes."


LIMITED = sends({"error": {"message": "slow down"}}, 429)
FAILURES = {  # what the server does, every time → how often it is asked, and what the task says
    "429": ([LIMITED], 3, "The language model answered 429 (too many requests) 3 times."),
    "429 for an hour": (
        [sends(b"", 429, Retry_After="3600")],
        1,
        "The language model answered 429 (too many requests), and asked to wait 3600 seconds.",
    ),
    "429 until 2100": (
        [sends(b"", 429, Retry_After="Fri, 01 Jan 2100 00:00:00 GMT")],
        1,
        r"The language model answered 429 \(too many requests\), and asked to wait \d{9,} seconds\.",
    ),
    "500": ([sends(b"oops", 500)], 3, "The language model answered 500 (internal server error) 3 times."),
    "503": ([sends(b"", 503)], 3, "The language model answered 503 (service unavailable) 3 times."),
    "529": ([sends(b"", 529)], 3, "The language model answered 529 3 times."),
    "drops": ([drops], 3, "The language model broke off the connection 3 times."),
    "breaks off": ([breaks_off], 3, "The language model broke off the connection 3 times."),
    "never answers": ([never_answers], 1, "The language model did not answer within 1.5 seconds."),
    "drips": ([drips], 1, "The language model did not answer within 1.5 seconds."),
    "pours": ([pours], 1, "The language model answered with more than 16 MB."),
    "no JSON": ([sends(b"<html>It works!</html>")], 3, "The language model answered with what is no JSON 3 times."),
    "a list": ([sends([1])], 3, "The language model answered with what is no JSON object 3 times."),
    "nested": ([sends(b"[" * 100_000)], 3, "The language model answered with what is no JSON 3 times."),
    "no choices": ([sends({"choices": []})], 1, "The language model answered with what is no chat completion."),
    "odd choices": ([sends({"choices": [7]})], 1, "The language model answered with what is no chat completion."),
    "an error in 200": ([sends({"error": "x"})], 1, "The language model answered with an error."),
    "a refusal": ([says(None, message={"refusal": "No."})], 1, "The language model refused to answer."),
    "an error in 200 that repeats the key": (
        [sends({"error": "no such key: s3cret"})],
        1,
        "The language model answered with an error.",
    ),
    "a refusal that repeats the key": (
        [says(None, message={"refusal": "No, \ud800s3cret."})],
        1,
        "The language model refused to answer.",
    ),
    "half of a pair, and the key": (
        [says("No\x00 \ud800 s3cret")],
        2,
        "The language model answered twice with what cannot be used: it holds no JSON object.",
    ),
    "the key where the log ends": (
        [sends(b"x" * 1997 + b"s3cret", 403)],
        1,
        "The language model answered 403 (forbidden): LANGUAGE_KEY is not accepted.",
    ),
    "401": (
        [sends(b"Incorrect API key provided: s3cret", 401)],
        1,
        "The language model answered 401 (unauthorized): LANGUAGE_KEY is not accepted.",
    ),
    "404": (
        [sends(b"", 404)],
        1,
        "The language model answered 404 (not found): "
        "LANGUAGE_URL (which mostly ends in /v1) or LANGUAGE_MODEL is wrong.",
    ),
    "a redirect": (
        [sends(b"", 302, Location="http://127.0.0.1:1/v1/chat/completions")],
        1,
        "The language model answered 302 (found): redirects are not followed, set LANGUAGE_URL to where it leads.",
    ),
    "400": ([sends(b"too long", 400)], 5, "The language model answered 400 (bad request)."),
    "no room, vLLM": (
        [refuses("This model's maximum context length is 4096 tokens. However, you requested 9000 tokens.")],
        1,
        "The language model answered 400 (bad request): the model has less room than LANGUAGE_TOKENS says.",
    ),
    "no room, llama.cpp": (
        [refuses("request (4031 tokens) exceeds the available context size (2048 tokens), try increasing it")],
        1,
        "The language model answered 400 (bad request): the model has less room than LANGUAGE_TOKENS says.",
    ),
    "no room for the answer": (
        [refuses("max_tokens is too large: 1024. This model supports at most 512 completion tokens.")],
        1,
        "The language model answered 400 (bad request): the model has less room than LANGUAGE_TOKENS says.",
    ),
    "no such model, Ollama": (
        [refuses('model "tiny" not found, try pulling it first', 404)],
        1,
        "The language model answered 404 (not found): there is no model of the name in LANGUAGE_MODEL.",
    ),
    "no such model, OpenRouter": (
        [refuses("tiny is not a valid model ID")],
        1,
        "The language model answered 400 (bad request): there is no model of the name in LANGUAGE_MODEL.",
    ),
    "no pictures, llama.cpp": (
        [refuses("image input is not supported - hint: you may need to provide the mmproj", 500)],
        1,
        "The language model answered 500 (internal server error): the model of LANGUAGE_MODEL takes no pictures.",
    ),
    "no pictures, vLLM": (
        [refuses("tiny is not a multimodal model")],
        1,
        "The language model answered 400 (bad request): the model of LANGUAGE_MODEL takes no pictures.",
    ),
    "an empty purse": (
        [refuses("You exceeded your current quota.", 429, code="insufficient_quota")],
        1,
        "The language model answered 429 (too many requests): what LANGUAGE_KEY may use is used up.",
    ),
    "a filter before it": (
        [refuses("The response was filtered.", 400, code="content_filter")],
        1,
        "The language model answered 400 (bad request): its content filter does not let the material pass.",
    ),
    "a filter behind it": ([says("The", finish_reason="content_filter")], 1, "The language model refused to answer."),
    "an error behind it": ([says("The", finish_reason="error")], 1, "The language model broke off its answer."),
    "words that only stand in what it repeats": (
        [sends({"detail": [{"msg": "no", "input": "context length, model not found"}]}, 422)],
        5,
        "The language model answered 422 (unprocessable entity).",
    ),
    "streams": ([streams], 1, "The language model streamed its answer, which nobody asked for."),
    "packs": (
        [sends(gzip.compress(bytes(64 * 1024**2)), Content_Encoding="gzip")],
        1,
        "The language model packed its answer (gzip), which nobody asked for.",
    ),
    "drips in its head": ([drips_in_its_head], 1, "The language model did not answer within 1.5 seconds."),
    "thinks for ever": (
        [says("", finish_reason="length", message={"reasoning_content": "Let me see"})],
        1,
        "The language model came to no end within 1024 tokens (LANGUAGE_TOKENS).",
    ),
    "no end at the second time": (
        [says("A harbour."), says('{"title": "Harb', finish_reason="length")],
        2,
        "The language model came to no end within 1024 tokens (LANGUAGE_TOKENS).",
    ),
    "broken JSON": (
        [says('{"title": "Harb')],
        2,
        "The language model answered twice with what cannot be used: its JSON is broken.",
    ),
    "prose": (
        [says("A harbour.")],
        2,
        "The language model answered twice with what cannot be used: it holds no JSON object.",
    ),
    "nothing": ([says("")], 2, "The language model answered twice with what cannot be used: it holds no JSON object."),
    "wrong type": (
        [says({"title": 7, "sure": 1})],
        2,
        "The language model answered twice with what cannot be used: the answer, 'title', is not of type string.",
    ),
    "a part missing": (
        [says({"title": "Harbour"})],
        2,
        "The language model answered twice with what cannot be used: the answer has no 'sure'.",
    ),
    "a part too many": (
        [says({**GOOD, "x": 1})],
        2,
        "The language model answered twice with what cannot be used: the answer has 'x', which is not asked for.",
    ),
    "NaN": (
        [says('{"title": "Harbour", "sure": NaN}')],
        2,
        "The language model answered twice with what cannot be used: it holds NaN, which is no JSON.",
    ),
    "infinite": (
        [says('{"title": "Harbour", "sure": 1e999}')],
        2,
        "The language model answered twice with what cannot be used: a number in it is too large.",
    ),
    "no end": (
        [says('{"title": "Harb', finish_reason="length")],
        1,
        "The language model came to no end within 1024 tokens (LANGUAGE_TOKENS).",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_is_told_in_a_sentence(server, language, name):
    answers, times, message = FAILURES[name]
    server.answers = answers
    began = time.monotonic()
    with pytest.raises(ModelFailed) as caught:
        language(timeout=1.5 if "1.5 seconds" in message else 60.0).answer(ASKED, schema=SCHEMA, report=Silent())
    assert time.monotonic() - began < 40
    assert caught.value.message == message or (name == "429 until 2100" and re.fullmatch(message, caught.value.message))
    assert len(server.asked) == times
    assert "s3c" not in caught.value.message + caught.value.log
    assert "\x00" not in caught.value.log
    caught.value.log.encode()  # as databases keep it


@pytest.mark.parametrize("first", [LIMITED, sends(b"", 429, Retry_After="0"), sends(b"", 502), drops, breaks_off])
def test_a_failure_that_passes_costs_a_moment(server, language, first):
    server.answers = [first, says("Yes.")]
    assert language().answer(ASKED, schema=None, report=Silent()).text == "Yes."
    assert len(server.asked) == 2


def test_a_server_is_left_alone_for_as_long_as_it_asks(server, language):
    server.answers = [sends(b"", 429, Retry_After="0.6"), says("Yes.")]
    assert language().answer(ASKED, schema=None, report=Silent()).text == "Yes."
    assert server.asked[1]["at"] - server.asked[0]["at"] >= 0.6


def test_a_server_that_is_not_there_is_told(server, language):
    model = language(url="http://127.0.0.1:1/v1")
    with pytest.raises(ModelFailed) as caught:
        model.answer(ASKED, schema=None, report=Silent())
    assert caught.value.message == "The language model could not be reached (connection refused) 3 times."


def test_a_plain_server_does_not_pass_for_a_secure_one(server, language):
    with pytest.raises(ModelFailed) as caught:
        language(url=server.url.replace("http:", "https:")).answer(ASKED, schema=None, report=Silent())
    assert caught.value.message == "The language model's server does not speak HTTPS as it should."


@pytest.mark.parametrize("answer", [never_answers, drips, sends(b"", 429, Retry_After="90")])
def test_a_stop_waits_for_no_answer_and_leaves_nothing_behind(server, language, answer):
    server.answers = [answer]
    began = time.monotonic()
    with pytest.raises(Stopped):
        language(timeout=120).answer(ASKED, schema=None, report=Stopping(0.2))
    assert time.monotonic() - began < 40  # of the 120
    until = time.monotonic() + 40
    while any(thread.name == "model" for thread in threading.enumerate()) and time.monotonic() < until:
        time.sleep(0.02)
    assert not [thread for thread in threading.enumerate() if thread.name == "model"]


def test_the_key_stands_in_no_log(server, language, caplog):
    caplog.set_level(logging.DEBUG)
    server.answers = [sends(b"s3cret", 500)]
    model = language()
    with pytest.raises(ModelFailed) as caught:
        model.answer(ASKED, schema=None, report=Silent())
    assert caught.value.log == "***"
    assert "s3cret" not in caplog.text + repr(model.__dict__) + repr(caught.value)


@pytest.mark.parametrize(
    ("name", "size"), [("large.png", (3000, 1500)), ("small.png", (64, 48)), ("small.jpg", (64, 48))]
)
def test_pictures_are_sent_as_small_jpegs(server, language, tmp_path, name, size):
    picture = tmp_path / name
    Image.new("RGB", size, "#336699").save(picture)
    server.answers = [says("Blue.")]
    language(sees=True, timeout=20).answer((Message("user", "What?", (picture,)),), schema=None, report=Silent())
    text, image = server.body(0)["messages"][0]["content"]
    assert text == {"type": "text", "text": "What?"}
    head, _, data = image["image_url"]["url"].partition(",")
    sent = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (image["type"], head, sent.format) == ("image_url", "data:image/jpeg;base64", "JPEG")
    assert sent.size == ((1024, 512) if size[0] > 1024 else size)
    assert all(abs(channel - meant) < 4 for channel, meant in zip(sent.getpixel((9, 9)), (51, 102, 153), strict=True))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_budget_is_shared_between_question_and_answer(language):
    model = language(tokens=8192)
    assert model.room == (8192 - 2048) * 3
    assert (model.sees, model.model) == (False, Model("tiny", "as served"))
