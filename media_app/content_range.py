"""Which piece of a file a request brings: `Content-Range` in the spellings that clients of the vendor use.

`bytes 0-5242879/73400320` is that of RFC 9110, where the last number is the piece's last byte. The vendor's guide
writes `bytes=0-16777216/100000000`, and begins the next piece at 16777216: its last number is the first byte after the
piece. The length of the body tells which is meant, with either spelling.
"""

import re
from dataclasses import dataclass

from ittyhost.errors import Invalid

PARAM = "Content-Range"
_FORM = re.compile(
    r"bytes(?:\s*=\s*|\s+)(?:(\d{1,18})\s*-\s*(\d{1,18})|(\*))\s*/\s*(?:(\d{1,18})|\*)", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True)
class PieceRange:
    """Bytes `start` to `end - 1` of a file of `total` bytes; at least one."""

    start: int
    end: int
    total: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def __str__(self) -> str:
        return f"{self.start}-{self.end - 1}/{self.total}"


@dataclass(frozen=True)
class StateAsked:
    """`bytes */<total>`: no piece; the client asks what is there of a file of so many bytes."""

    total: int


def read_content_range(header: str, length: int) -> PieceRange | StateAsked:
    """What a request with a body of `length` bytes brings. Raises Invalid."""
    match = _FORM.fullmatch(header.strip())
    if match is None:
        raise _refused("must have the form 'bytes <first>-<last>/<total>', as bytes 0-5242879/73400320.")
    first, last, asks, whole = match.groups()
    if whole is None:
        raise _refused("must tell how many bytes the whole file has, instead of '*': bytes <first>-<last>/<total>.")
    total = int(whole)
    if asks:
        if length:
            raise _refused(f"must tell which bytes these {length} are. '*' asks for the state, with an empty body.")
        return StateAsked(total)
    start, end = int(first), int(last)
    if total == 0:
        raise _refused("cannot cut an empty file into pieces. Send it whole, without Content-Range.")
    if length == 0:
        raise _refused(f"must come with the bytes {start}-{end}, and the body is empty.")
    if length == end - start + 1:
        end += 1
    elif length != end - start:
        raise _refused(
            f"does not fit the body, which has {length} bytes: from {start} on that is "
            f"bytes {start}-{start + length - 1}/{total}."
        )
    if end > total:
        raise _refused(f"ends after the file's last byte, which is {total - 1} of {total} bytes.")
    return PieceRange(start, end, total)


def _refused(problem: str) -> Invalid:
    return Invalid(f"{PARAM} {problem}", param=PARAM)
