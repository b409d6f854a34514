"""Where scratch folders stand that hold unix sockets: the path of one may have 107 bytes in all."""

import tempfile

_LONGEST = 10  # /dev/shm and /var/tmp are short enough; what a macOS or a CI names its own is not
SHORT = tempfile.gettempdir() if len(tempfile.gettempdir()) <= _LONGEST else "/tmp"
