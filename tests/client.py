"""A plain client of the service, as the end-to-end tests and the demo use it: nothing but HTTP."""

import time
from pathlib import Path
from typing import Any

import httpx

ENDED = {"ready", "error"}


class Client:
    """Speaks version 2024-03-21 unless told another."""

    def __init__(self, credentials: dict[str, str], *, key: str = "test_key") -> None:
        self.credentials = credentials
        self.key = credentials[key]
        self.http = httpx.Client(
            base_url=credentials["base_url"], headers={"Authorization": f"Bearer {self.key}"}, timeout=60, trust_env=False
        )

    def close(self) -> None:
        self.http.close()

    def upload(self, path: Path, name: str = "") -> dict[str, Any]:
        """The file object of a direct upload, in the flat form of 2025-08-20."""
        answer = self.http.put(
            f"{self.credentials['delivery_url']}/e2e/{name or path.name}",
            content=path.read_bytes(),
            headers={"Accept-Version": "2025-08-20"},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()

    def create(self, source: str, kind: str, **options: Any) -> dict[str, Any]:
        answer = self.http.post("/tasks", json={"input": source, "output": {"kind": kind, **options}})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def show(self, task_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def wait(self, task_id: str, *, timeout: float = 120.0, until: set[str] = ENDED) -> dict[str, Any]:
        """The task once it ended. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            task = self.show(task_id)
            if task["status"] in until:
                return task
            if time.monotonic() > deadline:
                raise TimeoutError(f"{task_id} is {task['status']} after {timeout:g} s")
            time.sleep(0.1)

    def make(self, source: str, kind: str, **options: Any) -> dict[str, Any]:
        """The output of a task, once it is ready."""
        task = self.wait(self.create(source, kind, **options)["id"])
        assert task["status"] == "ready", task
        return task["output"]

    def download(self, url: str, path: Path) -> Path:
        # A redirect to the bucket must not carry the key along.
        answer = httpx.get(url, follow_redirects=True, timeout=60, trust_env=False)
        assert answer.status_code == 200, answer.text[:500]
        path.write_bytes(answer.content)
        return path
