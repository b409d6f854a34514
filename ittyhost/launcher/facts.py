"""What `make run` tells a person once the service works: addresses, keys, and a first request to copy."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

FIELDS = (
    "base_url",
    "delivery_url",
    "org_id",
    "project_id",
    "live_key",
    "test_key",
    "admin_url",
    "admin_user",
    "admin_password",
)

CHANGED = "(yours: it was changed)"  # the admin's, once its owner set another

# The README shows the same three lines; a test compares them. They need nothing but a POSIX shell, curl, grep and sed,
# and name their version, as a setting or a project may have another by default.
_HEADERS = """-H "Authorization: Bearer $KEY" -H "Accept-Version: 2024-03-21\""""
UPLOAD = (
    f"""FILE=$(curl -sS -T video.mp4 {_HEADERS} "$DELIVERY/demo/video.mp4" """
    """| grep -o 'file_[0-9A-Za-z]*' | head -n 1); echo "$FILE\""""
)
CREATE = (
    f"""TASK=$(curl -sS -X POST "$API/tasks" {_HEADERS} -H "Content-Type: application/json" """
    """-d '{"input": "'"$FILE"'", "output": {"kind": "image", "width": 640, "filename": "poster.jpg"}}' """
    """| grep -o 'tsk_[0-9A-Za-z]*' | head -n 1); echo "$TASK\""""
)
FETCH = (
    f"""while SHOWN=$(curl -sS "$API/tasks/$TASK" {_HEADERS}); """
    """printf %s "$SHOWN" | grep -Eq '"status":"(waiting|processing)"'; do sleep 1; done; """
    """printf '%s\\n' "$SHOWN" | grep -o '"status":"[a-z]*"' | head -n 1; """
    """curl -fsSL -o poster.jpg "$(printf %s "$SHOWN" | sed -n 's/.*"src":"\\([^"]*\\)".*/\\1/p')\""""
)


class NoCredentials(Exception):
    """The file that `manage.py bootstrap` writes is missing or incomplete."""


def read_credentials(path: Path) -> dict[str, str]:
    """The facts of credentials.json. Raises NoCredentials."""
    try:
        found = json.loads(path.read_text())
        return {name: str(found[name] if found[name] is not None else CHANGED) for name in FIELDS}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise NoCredentials(
            f"{path} cannot be read ({type(exc).__name__}: {exc}). Restore it from the backup of the data folder, or "
            "remove it to have new keys and a new admin password made."
        ) from exc


def curl_lines(facts: Mapping[str, str]) -> list[str]:
    """A first story in shell: names for what the lines use, then upload, create, fetch."""
    names = {"API": facts["base_url"], "DELIVERY": facts["delivery_url"], "KEY": facts["test_key"]}
    return ["; ".join(f"{name}={shlex.quote(value)}" for name, value in names.items()), UPLOAD, CREATE, FETCH]


def describe(facts: Mapping[str, str], *, data: Path, logs: Path) -> str:
    """The whole text printed when the service is up."""
    names, *lines = curl_lines(facts)
    return "\n".join(
        [
            "",
            f"ittyhost is up at {facts['base_url']}",
            "",
            f"  API base URL   {facts['base_url']}",
            f"  delivery URL   {facts['delivery_url']}",
            f"  project        {facts['project_id']} of {facts['org_id']}",
            f"  test key       {facts['test_key']}",
            f"  live key       {facts['live_key']}",
            f"  admin          {facts['admin_url']}   user {facts['admin_user']}   password {facts['admin_password']}",
            f"  reference      {facts['base_url']}/docs",
            f"  data           {data}   logs {logs}",
            "",
            "Try it, with a video.mp4 of your own: upload it, ask for a poster, wait for it and fetch it.",
            "",
            f"  {names}",
            *(f"  {line}" for line in lines),
            "",
            "Ctrl-C stops the service; the next start keeps everything.",
            "",
        ]
    )
