"""How each API version writes media, files, uploads and signed URLs."""

from ittyhost.api.shapes import register

MEDIA_SHAPES = register("media", __name__)
FILE_SHAPES = register("file", __name__)
UPLOAD_SHAPES = register("upload", __name__)
SIGNATURE_SHAPES = register("signature", __name__)
