"""The cover picture of a sound, made fit to be put into another. Runs only in the resident helper."""

import base64
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import ImageOps

from workers.engine import stills
from workers.engine.errors import MediaError

_MOST = 16 * 1024**2 - 64  # bytes, with what FLAC's block says of it: its length has 24 bits
_READ = 64 * 1024**2  # bytes; what is larger is no cover
_EDGE = 4096  # pixels; a cover is shown small
_MIMES = {"jpeg": "image/jpeg", "png": "image/png"}
# Segments of a JPEG that hold words, places and thumbnails; what decoding needs is none of them (APP0, APP2 with the
# colour profile, APP14 with Adobe's colour transform).
_JPEG_LEFT_OUT = frozenset({0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE})
_PNG_LEFT_OUT = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})


def make_cover(cwd: Path, operations: dict[str, Any]) -> dict[str, str]:
    """Write `source` to `target` as `format` (jpeg or png) without the words and places that are in it, and where
    `block` is given, there as metadata for Ogg. `kept` is "" when it is no picture; then `note` says so."""
    with (cwd / operations["source"]).open("rb") as file:
        data = file.read(_READ + 1)
    try:
        cover, size = _clean(data, operations["format"]) if len(data) <= _READ else (data, (0, 0))
    except (*stills.DAMAGE, MediaError):
        return {"kept": "", "note": "The cover picture is damaged and was left out."}
    if len(cover) > _MOST:
        return {"kept": "", "note": "The cover picture is larger than 16 MiB and was left out."}
    (cwd / operations["target"]).write_bytes(cover)
    if operations.get("block"):
        block = base64.b64encode(_picture_block(cover, _MIMES[operations["format"]], size)).decode()
        # ffmpeg's own format of metadata, in which an equals sign ends a name.
        text = ";FFMETADATA1\nMETADATA_BLOCK_PICTURE=" + block.replace("=", "\\=") + "\n"
        (cwd / operations["block"]).write_text(text, encoding="ascii")
    return {"kept": "yes", "note": ""}


def _clean(data: bytes, format: str) -> tuple[bytes, tuple[int, int]]:
    with stills.open_still(BytesIO(data), stills.plugins_for(data[:4096])) as image:
        plain = image.getexif().get(stills.ORIENTATION, 1) == 1 and max(image.size) <= _EDGE
        if stills.NAMES.get(image.format or "") == format and plain:
            size = image.size
            image.load()  # that it can be decoded
            return (_lean_jpeg(data) if format == "jpeg" else _lean_png(data)), size
        if max(image.size) > 4 * _EDGE:
            raise ValueError("too large")
        image.draft("RGB", (_EDGE, _EDGE))
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((_EDGE, _EDGE))
        target = BytesIO()
        if format == "jpeg":
            upright.convert("RGB").save(target, "JPEG", quality=90, icc_profile=image.info.get("icc_profile"))
        else:
            upright.convert("RGBA" if stills.has_alpha(upright) else "RGB").save(target, "PNG")
        return target.getvalue(), upright.size


def _lean_jpeg(data: bytes) -> bytes:
    """Without the segments that say more than the picture; its own bytes stay as they are."""
    kept, place = bytearray(data[:2]), 2
    while data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # fill
            place += 1
            continue
        if marker == 0xDA:
            return bytes(kept) + data[place:]
        (length,) = struct.unpack(">H", data[place + 2 : place + 4])
        if marker not in _JPEG_LEFT_OUT:
            kept += data[place : place + 2 + length]
        place += 2 + length
    raise ValueError("no scan")


def _lean_png(data: bytes) -> bytes:
    kept, place = bytearray(data[:8]), 8
    while place + 12 <= len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        if name not in _PNG_LEFT_OUT:
            kept += data[place : place + 12 + length]
        place += 12 + length
        if name == b"IEND":
            break
    return bytes(kept)


def _picture_block(data: bytes, mime: str, size: tuple[int, int]) -> bytes:
    """FLAC's METADATA_BLOCK_PICTURE (RFC 9639, section 8.8): a front cover, without a description."""
    name = mime.encode()
    head = struct.pack(">II", 3, len(name)) + name + struct.pack(">I", 0)
    return head + struct.pack(">IIIII", *size, 24, 0, len(data)) + data
