"""The boto3 clients of a bucket: per process, for they do not survive a fork, and per purpose."""

import os
import threading
from dataclasses import dataclass
from typing import Any, Literal

import boto3
from botocore.config import Config

# "quick" is for what a person or a sweep waits for: it asks once, and not for long. "public" only signs.
Purpose = Literal["work", "quick", "public"]


@dataclass(frozen=True)
class S3Options:
    """Where the store is and who asks. Without a key boto3 looks in its own places (environment, profile, role)."""

    endpoint: str = ""
    public_endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = False
    access_key_id: str = ""
    secret_access_key: str = ""


class Clients:
    """Made at their first use."""

    def __init__(self, options: S3Options) -> None:
        self._options = options
        self._made: dict[tuple[int, Purpose], Any] = {}
        # One per process for all its clients: each session reads the whole description of S3 anew, some 20 MB of it.
        self._sessions: dict[int, Any] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._made)

    def get(self, purpose: Purpose) -> Any:
        """This process's client for one purpose."""
        place = (os.getpid(), purpose)
        client = self._made.get(place)
        if client is None:
            with self._lock:
                client = self._made.get(place)
                if client is None:
                    client = self._made[place] = self._make(purpose)
        return client

    def close(self) -> None:
        """Close this process's connections; the next use opens new ones."""
        with self._lock:
            for place in [place for place in self._made if place[0] == os.getpid()]:
                self._made.pop(place).close()

    def _make(self, purpose: Purpose) -> Any:
        options = self._options
        quick = purpose == "quick"
        if os.getpid() not in self._sessions:
            self._sessions[os.getpid()] = boto3.session.Session()
        session = self._sessions[os.getpid()]
        return session.client(
            "s3",
            endpoint_url=(options.public_endpoint if purpose == "public" else options.endpoint) or None,
            region_name=options.region,
            aws_access_key_id=options.access_key_id or None,
            aws_secret_access_key=options.secret_access_key or None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if options.path_style else "virtual"},
                connect_timeout=3 if quick else 5,
                read_timeout=5 if quick else 60,
                retries={"mode": "standard", "total_max_attempts": 1 if quick else 4},
                max_pool_connections=64,
                tcp_keepalive=True,
                proxies={},
                # Stores that are not Amazon's know Content-MD5 far more often than the newer checksum headers.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
