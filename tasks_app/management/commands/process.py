"""`manage.py process clip.mp4 --kind image --set width=640 --out poster.jpg`: a file through the running service."""

import json
import mimetypes
import os
import shutil
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from urllib3.exceptions import HTTPError, MaxRetryError

from workers.formats import extension_of

VERSION = "2025-08-20"
ENDED = {"completed", "failed", "cancelled"}
MOST_REDIRECTS = 5
# urllib3 takes the key off before it follows a redirect to another host: a bucket's presigned URL must not see it.
REDIRECTS = urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=MOST_REDIRECTS)


class Command(BaseCommand):
    help = "Send a file through the running service: upload it, make one output of it, download that."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--kind", required=True, help="what to make: image, video, audio …")
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an option of the kind")
        parser.add_argument("--out", type=Path, help="where the output goes (default: here, under its id)")
        parser.add_argument(
            "--credentials",
            type=Path,
            default=settings.DATA_DIR / "credentials.json",
            help="where addresses and keys are",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        source: Path = options["file"]
        if not source.is_file():
            raise CommandError(f"{source} is not a file.")
        service = Service.read(options["credentials"])
        wanted = {"kind": options["kind"], **dict(map(option_read, options["set"]))}
        out: Path | None = options["out"]
        check_place(out or Path.cwd() / "output")
        if out is not None:
            wanted.setdefault("filename", out.name)
        uploaded = service.upload(source)
        task = service.call("POST", "/tasks", {"file_id": uploaded["id"], **wanted})
        bar = Bar(sys.stderr)
        while task["status"] not in ENDED:
            bar.show(task["status"], task.get("progress") or 0)
            time.sleep(0.2)
            task = service.call("GET", f"/tasks/{task['id']}")
        bar.show(task["status"], task.get("progress") or 0)
        bar.close()
        if task["status"] != "completed":
            raise CommandError(task.get("error") or f"The task ended {task['status']}.")
        output = task["output"]
        if output is None:  # a kind that only tells
            self.stdout.write(json.dumps(task["results"], indent=2))
            return
        out = out or Path(output["id"] + extension(output["type"]))
        service.download(output["url"], out)
        self.stdout.write(json.dumps(output, indent=2))
        self.stdout.write(f"{out}: {output['type']}, {output['filesize']} bytes")


def check_place(out: Path) -> None:
    """Raises CommandError when no file can be written there: told before the work, not after it."""
    if out.is_dir():
        raise CommandError(f"--out names a folder, {out}: name a file in it.")
    if not out.parent.is_dir():
        raise CommandError(f"--out: there is no folder {out.parent}.")
    if not os.access(out.parent, os.W_OK):
        raise CommandError(f"--out: the folder {out.parent} cannot be written.")


def extension(mime: str) -> str:
    """The usual extension of a type, with its dot; "" when none is known."""
    ours = extension_of(mime)
    return f".{ours}" if ours else mimetypes.guess_extension(mime.partition(";")[0]) or ""


def option_read(text: str) -> tuple[str, Any]:
    """`width=640` as ("width", 640): numbers, true, false, null, arrays and objects as in JSON, all else a string."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandError(f"--set takes NAME=VALUE, not {text!r}.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


class Service:
    """The HTTP API, with the credentials that `make run` wrote."""

    def __init__(self, *, base_url: str, delivery_url: str, key: str) -> None:
        self._base = base_url.rstrip("/")
        self._delivery = delivery_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Accept-Version": VERSION}
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=60), retries=False)

    @classmethod
    def read(cls, path: Path) -> "Service":
        try:
            known = json.loads(path.read_text())
            return cls(base_url=known["base_url"], delivery_url=known["delivery_url"], key=known["live_key"])
        except FileNotFoundError:
            raise CommandError(f"{path} is not there: start the service once with `make run`.") from None
        except (OSError, ValueError, KeyError) as exc:
            raise CommandError(f"{path} cannot be read: {exc}") from None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return (
            self._send(method, self._base + path, json=body)
            if body is not None
            else self._send(method, self._base + path)
        )

    def upload(self, source: Path) -> Any:
        with source.open("rb") as stream:
            return self._send(
                "PUT",
                f"{self._delivery}/uploads/{quote(source.name)}",
                body=stream,
                headers={**self._headers, "Content-Length": str(source.stat().st_size)},
            )

    def download(self, url: str, out: Path) -> None:
        """The bytes of a URL of the service, from wherever it sends us. `out` appears whole, or not at all."""
        response = self._request("GET", url, preload_content=False, headers=self._headers, retries=REDIRECTS)
        part = out.with_name(out.name + ".part")
        try:
            with part.open("wb") as file:
                shutil.copyfileobj(response, file, 1024 * 1024)
            part.replace(out)
        except OSError as exc:
            raise CommandError(f"{out} cannot be written: {exc.strerror}.") from None
        except HTTPError as exc:
            raise CommandError(f"The download broke off ({type(exc).__name__}).") from None
        finally:
            part.unlink(missing_ok=True)
            response.release_conn()

    def _send(self, method: str, url: str, **kwargs: Any) -> Any:
        return self._request(method, url, **{"headers": self._headers, **kwargs}).json()

    def _request(self, method: str, url: str, **kwargs: Any) -> Any:
        try:
            response = self._http.request(method, url, **kwargs)
        except HTTPError as exc:
            cause = exc.reason if isinstance(exc, MaxRetryError) and exc.reason else exc
            if isinstance(cause, urllib3.exceptions.ResponseError):
                raise CommandError(f"The download was redirected more than {MOST_REDIRECTS} times.") from None
            where = "{0.scheme}://{0.netloc}".format(urlsplit(url))
            raise CommandError(f"{where} does not answer ({type(cause).__name__}): is the service running?") from None
        if response.status >= 300:
            try:
                message = response.json()["message"]
            except (ValueError, KeyError, TypeError):
                message = f"HTTP {response.status}"
            raise CommandError(message)
        return response


class Bar:
    """A progress bar on a terminal; nothing in a pipe."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream if stream.isatty() else None

    def show(self, status: str, percent: int) -> None:
        if self._stream:
            filled = percent * 30 // 100
            self._stream.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {percent:3d}% {status:<12}")
            self._stream.flush()

    def close(self) -> None:
        if self._stream:
            self._stream.write("\n")
