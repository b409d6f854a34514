"""The W3C's own WebVTT parser (npm's webvtt-parser, of github.com/w3c/webvtt.js), which names every departure from the
grammar."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PLACE = Path(sys.prefix) / "players" / "node_modules"
_SCRIPT = """
const {WebVTTParser} = require("webvtt-parser");
const [texts, mode] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const told = texts.map(text => {
    const {cues, errors} = new WebVTTParser().parse(text, mode);
    return {
        cues: cues.map(cue => [cue.id, cue.startTime, cue.endTime, cue.text]),
        errors: errors.map(error => `line ${error.line}: ${error.message}`),
    };
});
console.log(JSON.stringify(told));
"""


@dataclass(frozen=True)
class Parsed:
    """Cues as (id, start, end, text), seconds; what is wrong with the file, in words."""

    cues: list[tuple[str, float, float, str]]
    errors: list[str]


def parse_webvtt(*texts: str, mode: str = "subtitles/captions/descriptions") -> list[Parsed]:
    """What the parser makes of each text; `mode` may be "chapters" or "metadata". Where it is not installed the test is
    skipped, or fails if REQUIRE_SERVICES is set."""
    node = shutil.which("node")
    path = os.pathsep.join(filter(None, [str(PLACE), os.environ.get("NODE_PATH")]))
    if node is None or not any((Path(place) / "webvtt-parser").is_dir() for place in path.split(os.pathsep)):
        missing = "webvtt-parser is not installed (`make services` does it, where npm is)."
        if os.environ.get("REQUIRE_SERVICES"):
            pytest.fail(missing)
        pytest.skip(missing)
    done = subprocess.run(
        [node, "-e", _SCRIPT],
        input=json.dumps([list(texts), mode]),
        env=os.environ | {"NODE_PATH": path},
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return [Parsed([tuple(cue) for cue in one["cues"]], one["errors"]) for one in told]  # type: ignore[misc]
