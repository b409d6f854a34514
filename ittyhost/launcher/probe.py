"""`python -m ittyhost.launcher.probe [FILE]`: a container's health check; exits 0 when its process works.

Without an argument it asks the web process of this container. With the path that LIVENESS_FILE names, it looks whether
a worker or scheduler has touched the file lately.
"""

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

FRESH = 45.0  # seconds: some beats of whoever touches the file may be late under load


def is_fresh(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < FRESH
    except OSError:
        return False


def answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=8) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    if arguments:
        well, what = is_fresh(Path(arguments[0])), f"{arguments[0]} was not touched within {FRESH:g} s"
    else:
        url = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}/livez"
        well, what = answers(url), f"{url} does not answer with 200"
    if not well:
        print(what, file=sys.stderr)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
