"""Text files of strangers, which say nothing of how they are encoded. Pure."""


def decoded_text(data: bytes) -> str:
    """The text by its byte order mark, else as UTF-8, else as what Western Windows wrote; never fails."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
