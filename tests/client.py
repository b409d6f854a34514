"""A plain client of the service, as the end-to-end tests and the demo use it: nothing but HTTP."""

import time
from pathlib import Path
from typing import Any

import httpx

ENDED = {"ready", "error"}
LATER = {"Accept-Version": "2025-08-20"}


class Client:
    """Speaks version 2024-03-21 unless told another."""

    def __init__(self, credentials: dict[str, str], *, key: str = "test_key") -> None:
        self.credentials = credentials
        self.key = credentials[key]
        self.http = httpx.Client(
            base_url=credentials["base_url"],
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=120,
            trust_env=False,
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    def upload(self, path: Path, name: str = "") -> dict[str, Any]:
        """The file object of a direct upload, in the flat form of 2025-08-20."""
        answer = self.http.put(
            f"{self.credentials['delivery_url']}/e2e/{name or path.name}", content=path.read_bytes(), headers=LATER
        )
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def create(self, source: str, kind: str, **options: Any) -> dict[str, Any]:
        answer = self.http.post("/tasks", json={"input": source, "output": {"kind": kind, **options}})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def refusal(self, source: str, kind: str, **options: Any) -> str:
        """What the service says that refuses to create a task."""
        answer = self.http.post("/tasks", json={"input": source, "output": {"kind": kind, **options}})
        assert answer.status_code == 400, answer.text
        said: str = answer.json()["error"]["message"]
        return said

    def show(self, task_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def show_later(self, task_id: str) -> dict[str, Any]:
        """The task in version 2025-08-20, which tells its progress."""
        answer = self.http.get(f"/tasks/{task_id}", headers=LATER)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def wait(self, task_id: str, *, timeout: float = 240.0, until: set[str] = ENDED) -> dict[str, Any]:
        """The task once it ended. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            task = self.show(task_id)
            if task["status"] in until:
                return task
            if time.monotonic() > deadline:
                raise TimeoutError(f"{task_id} is {task['status']} after {timeout:g} s")
            time.sleep(0.1)

    def wait_running(self, task_id: str, *, timeout: float = 120.0) -> int:
        """The progress of a task once it has made some, percent. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            task = self.show_later(task_id)
            assert task["status"] in {"pending", "processing", "waiting"}, task
            if task["status"] == "processing" and task["progress"] > 0:
                return int(task["progress"])
            if time.monotonic() > deadline:
                raise TimeoutError(f"{task_id} made no progress within {timeout:g} s: {task['status']}")
            time.sleep(0.05)

    def make(self, source: str, kind: str, **options: Any) -> dict[str, Any]:
        """The output of a task, once it is ready."""
        task = self.wait(self.create(source, kind, **options)["id"])
        assert task["status"] == "ready", task
        output: dict[str, Any] = task["output"]
        return output

    def download(self, url: str, path: Path) -> Path:
        # A redirect to the bucket must not carry the key along.
        answer = httpx.get(url, follow_redirects=True, timeout=150, trust_env=False)
        assert answer.status_code == 200, answer.text[:500]
        path.write_bytes(answer.content)
        return path
