"""What serializers and options say, as one sentence that names the field."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from rest_framework.exceptions import ErrorDetail

from ittyhost.api.messages import first_error, refused_options, sentence
from workers.kinds import get_kind


class Layer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["text", "image"]


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    width: int | None = Field(None, ge=16, le=3840)
    start: float = Field(0, ge=0)
    format: Literal["png", "webp"] = "png"
    name: str = Field("x", min_length=1, max_length=3)
    is_loop: bool = False
    height: int | Literal["auto"] | None = Field(None, le=99)
    size: int | str | None = None
    layers: list[Layer] = Field(default_factory=list, max_length=1)

    @field_validator("name")
    @classmethod
    def no_slash(cls, value: str) -> str:
        if "/" in value:
            raise ValueError("name must not hold a slash.")
        if ":" in value:
            raise ValueError("must not hold a colon")
        return value


@pytest.mark.parametrize(
    ("options", "message", "param"),
    [
        ({"width": 4000}, "output.width must be at most 3840.", "output.width"),
        ({"width": 1}, "output.width must be at least 16.", "output.width"),
        ({"width": "wide"}, "output.width must be a whole number.", "output.width"),
        ({"start": "0"}, "output.start must be a number.", "output.start"),
        ({"format": "bmp"}, "output.format must be one of 'png' or 'webp'.", "output.format"),
        ({"name": ""}, "output.name must not be empty.", "output.name"),
        ({"name": "abcd"}, "output.name must have at most 3 characters.", "output.name"),
        ({"name": "a/b"}, "output.name must not hold a slash.", "output.name"),
        ({"name": "a:b"}, "output.name must not hold a colon.", "output.name"),
        ({"name": 1}, "output.name must be a string.", "output.name"),
        ({"height": "big"}, "output.height must be a whole number or one of 'auto'.", "output.height"),
        ({"size": []}, "output.size must be a whole number or a string.", "output.size"),
        ({"is_loop": 1}, "output.is_loop must be true or false.", "output.is_loop"),
        ({"layers": {}}, "output.layers must be an array.", "output.layers"),
        ({"layers": [1]}, "output.layers.0 must be an object.", "output.layers.0"),
        ({"layers": [{}]}, "output.layers.0.kind is required.", "output.layers.0.kind"),
        ({"layers": [{"kind": "text"}] * 2}, "output.layers must have at most 1 items.", "output.layers"),
        (
            {"widht": 1},
            "output.widht is not an option here. Leave it out, or check how it is spelled.",
            "output.widht",
        ),
        (
            {"fileName": 1},
            "output.fileName is not an option here. Leave it out, or check how it is spelled.",
            "output.fileName",
        ),
        (
            {"Accept-Version": "latest"},
            "output.Accept-Version is not an option here. Leave it out, or check how it is spelled.",
            "output.Accept-Version",
        ),
        (
            {"layers": [{"kind": "text", "str": 1}]},
            "output.layers.0.str is not an option here. Leave it out, or check how it is spelled.",
            "output.layers.0.str",
        ),
    ],
)
def test_options_are_named(options, message, param):
    with pytest.raises(ValidationError) as caught:
        Options(**options)
    refused = refused_options(caught.value, prefix=["output"])
    assert (refused.message, refused.param) == (message, param)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("audio", {"format": "mp3", "width": 100}, "output.width is only for format png or webp or jpeg."),
        ("video", {"codec": "h264", "hdr": "keep"}, "output.hdr cannot be kept in h264: use codec h265, vp9 or av1."),
        ("video", {"subtitle_track": 0}, 'output.subtitle_track needs subtitle_style "burn_in".'),
    ],
)
def test_options_that_do_not_go_together_are_told_in_a_sentence(kind, options, message):
    with pytest.raises(ValidationError) as caught:
        get_kind(kind).options.model_validate(options)
    assert refused_options(caught.value, prefix=["output"]).message == message


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            {"kind": "text", "text": "a", "font_size": 0},
            'output.layers.0.font_size must be a whole number of pixels from 1 to 8192, or a percentage such as "50%".',
        ),
        ({"kind": "text", "text": "a", "opacity": 2}, "output.layers.0.opacity must be at most 1.0."),
        ({"kind": "image"}, "output.layers.0.url is required."),
        ({"kind": "film"}, "output.layers.0.kind must be text or image."),
        (
            {"kind": "text", "text": "a", "Größe": 2},
            "output.layers.0.Größe is not an option here. Leave it out, or check how it is spelled.",
        ),
        (7, "output.layers.0 must be an object."),
    ],
)
def test_options_within_layers_are_named_by_their_path(layer, message):
    with pytest.raises(ValidationError) as caught:
        get_kind("video").options.model_validate({"layers": [layer]})
    refused = refused_options(caught.value, prefix=["output"])
    assert refused.message == message
    assert refused.message.startswith(f"{refused.param} ")


def test_a_flat_body_has_no_prefix():
    with pytest.raises(ValidationError) as caught:
        Options(width=1)
    assert refused_options(caught.value).message == "width must be at least 16."


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"a": {"b": [ErrorDetail("This field is required.")]}}, ("a.b is required.", "a.b")),
        ({"a": [{}, {"b": ["Not a valid string."]}]}, ("a.1.b must be a string.", "a.1.b")),
        ({"non_field_errors": ["Give url or file_id."]}, ("Give url or file_id.", None)),
        ({"a": {"non_field_errors": ["Give one of them."]}}, ("a: give one of them.", "a")),
        (["Odd."], ("Odd.", None)),
    ],
)
def test_the_first_error_is_told(detail, expected):
    assert first_error(detail) == expected


def test_a_message_that_names_its_field_stays_as_it_is():
    assert sentence("kind must be video.", "kind") == "kind must be video."
    assert sentence("The last part of a.b is odd.", "a.b") == "The last part of a.b is odd."
    assert sentence("This must be b.", "a.b") == "a.b: this must be b."
