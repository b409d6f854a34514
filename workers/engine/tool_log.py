"""What ffmpeg itself calls a warning or an error, in the log of a run that ended well. Pure."""

import re

# As `-loglevel level+info` writes lines: `[h264 @ 0x55d0] [error] …`, `[warning] …`. Text of the file's own, its title
# for example, stands behind a name and a colon in these logs, and never at the start of a line.
_LEVEL = re.compile(r"(?:\[[^\]\n]{1,200} @ [^\]\n]{1,40}\] )*\[(?P<level>[a-z]+)\] ")
_REPEATED = re.compile(r"\s*Last message repeated (?P<times>[0-9]{1,9}) times")
_COUNTED = frozenset({"warning", "error", "fatal", "panic"})
MOST = 2**31 - 1  # what a column of the database holds


def tool_warnings(log: str) -> int:
    """How many messages of a log are warnings or worse; "repeated n times" counts as n more of the last one."""
    count, counts = 0, False
    for line in re.split(r"[\r\n]+", log):
        if found := _LEVEL.match(line):
            counts = found["level"] in _COUNTED
            count += counts
        elif counts and (again := _REPEATED.match(line)):
            count += int(again["times"])
    return min(count, MOST)
