"""Layers: what may be said of them, and where they come to lie. No process, no picture."""

import pytest
from pydantic import ValidationError

from workers.engine.errors import LimitExceeded
from workers.kinds import get_kind
from workers.layers import Cell, file_uses, place, with_files
from workers.options import option_errors
from workers.plans import Expected, FileUse, Plan

IMAGE, VIDEO = (get_kind(name).options for name in ("image", "video"))
EXTENT = 'must be a whole number of pixels from 1 to 8192, or a percentage such as "50%"'
LENGTH = 'must be a whole number of pixels from 0 to 8192, or a percentage such as "5%"'
OFFSET = 'must be a whole number of pixels from -8192 to 8192, or a percentage such as "5%"'
PLACE = "must be center, top, bottom, left, right or a corner such as top-left"
KNOWN = (
    "Inter, JetBrains Mono, Noto Emoji, Noto Sans Arabic, Noto Sans CJK SC, Noto Sans Devanagari, Noto Sans Hebrew, "
    "Noto Sans Thai, Source Serif 4"
)


def layers_of(*layers, options=IMAGE):
    return options.model_validate({"layers": list(layers)}).layers


def text(**more):
    return {"kind": "text", "text": "Hello", **more}


def image(**more):
    return {"kind": "image", "url": "https://example.com/logo.png", **more}


def refused(*layers, options=IMAGE):
    with pytest.raises(ValidationError) as caught:
        layers_of(*layers, options=options)
    return dict(option_errors(caught.value))


@pytest.mark.parametrize(
    ("layer", "errors"),
    [
        (text(font_size=9000), {"font_size": EXTENT}),
        (text(opacity=1.5), {"opacity": "must be at most 1"}),
        (text(rotation=-361), {"rotation": "must be at least -360"}),
        (text(rotation=float("nan")), {"rotation": "must be a number"}),
        (text(color="red"), {"color": "must be a hex colour such as #ff8800"}),
        (text(align="justify"), {"align": "must be 'left', 'center' or 'right'"}),
        (text(position="nowhere"), {"position": PLACE}),
        (text(x=-8193), {"x": OFFSET}),
        (text(margin=-1), {"margin": LENGTH}),
        (text(margin="-1%"), {"margin": LENGTH}),
        (text(font="Comic Sans"), {"font": f"must be one of {KNOWN}"}),
        (text(font=3), {"font": f"must be one of {KNOWN}"}),
        (text(weight=1000), {"weight": "must be at most 900"}),
        (text(bold="yes"), {"bold": "must be true or false"}),
        (text(text=""), {"text": "must not be empty"}),
        (text(text="a\0b"), {"text": "must hold no control characters but line breaks"}),
        (text(text="a" * 2001), {"text": "must be at most 2000 characters"}),
        (text(url="x"), {"url": "is not an option of a text layer of a picture"}),
        (text(start=1), {"start": "is not an option of a text layer of a picture"}),
        (image(text="x"), {"text": "is not an option of an image layer of a picture"}),
        (image(end=1), {"end": "is not an option of an image layer of a picture"}),
        (image(url=""), {"url": "must not be empty"}),
        ({"kind": "image"}, {"url": "is required"}),
        ({"kind": "shape", "text": "a"}, {"kind": "must be text or image"}),
        ({"text": "a"}, {"kind": "is required"}),
    ],
)  # fmt: skip
def test_a_bad_option_of_a_layer_is_named_by_its_path(layer, errors):
    assert refused(layer) == {f"layers.0.{name}": f"layers.0.{name} {words}." for name, words in errors.items()}


def test_the_layer_at_fault_is_counted():
    assert refused(text(), image(), text(opacity=-1)) == {"layers.2.opacity": "layers.2.opacity must be at least 0."}
    assert refused(text(), 5) == {"layers.1": "layers.1 must be an object."}
    assert refused(*[text()] * 21) == {"layers": "layers must have at most 20 items."}


def test_times_are_for_videos():
    layer = layers_of(text(start=1, end=2.5), options=VIDEO)[0]
    assert (layer.start, layer.end) == (1.0, 2.5)
    assert refused(text(start=2, end=2), options=VIDEO) == {"layers.0.end": "layers.0.end must be after start (2)."}
    assert refused(text(end=0), options=VIDEO) == {"layers.0.end": "layers.0.end must be after start (0)."}
    assert refused(image(start=-1), options=VIDEO) == {"layers.0.start": "layers.0.start must be at least 0."}


def test_overlays_are_layers():
    assert IMAGE.model_validate({"overlays": [text()]}) == IMAGE.model_validate({"layers": [text()]})
    assert IMAGE.model_validate({"layers": None}).layers == []


def test_options_with_layers_are_json():
    for options in (IMAGE, VIDEO):
        checked = options.model_validate({"layers": [text(x="5%", color="F80"), image(width=20)]})
        assert options.model_validate(checked.model_dump(mode="json")) == checked


def test_spellings_of_a_font_become_one():
    for family, names in {
        "Inter": ("inter", "INTER", "sans-serif"),
        "JetBrains Mono": ("jetbrains-mono", "monospace"),
        "Source Serif 4": ("Source Serif 4", "source_serif_4", "sourceserif4", "serif"),
    }.items():
        assert [layers_of(text(font=name))[0].font for name in names] == [family] * len(names)


def test_line_breaks_of_any_kind_are_line_breaks():
    assert layers_of(text(text="a\r\nb\rc\u2028d\te"))[0].text == "a\nb\nc\nd    e"


def test_files_are_named_by_their_option_and_fetched_once():
    options = VIDEO.model_validate({"layers": [image(), text(), image(), image(url="file_1")]})
    logo = "https://example.com/logo.png"
    assert options.file_refs() == (("layers.0.url", logo), ("layers.2.url", logo), ("layers.3.url", "file_1"))
    assert file_uses(options.layers) == (
        FileUse(logo, "layer-0", "layers.0.url"),
        FileUse("file_1", "layer-1", "layers.3.url"),
    )
    assert [placed.spec.get("source") for placed in place(options.layers, (64, 48))] == [
        "layer-0", None, "layer-0", "layer-1"
    ]  # fmt: skip


def test_percentages_are_of_the_output():
    layer = text(x="10%", y="-5%", margin="10%", padding="5%", font_size="10%", stroke_width="25%", width="50%")
    (placed,) = place(layers_of(layer), (200, 100))
    spec = placed.spec
    assert (spec["offset"], spec["margin"], spec["padding"]) == ([20, -5], 10, 5)
    assert (spec["size"], spec["stroke"], spec["room"], spec["fixed"]) == (10, 2, 90, True)
    (placed,) = place(layers_of(image(width="50%", height="10%")), (200, 100))
    assert (placed.spec["width"], placed.spec["height"]) == (100, 10)


def test_text_without_a_width_is_broken_within_the_picture():
    (placed,) = place(layers_of(text(margin=10, padding=5)), (200, 100))
    assert (placed.spec["room"], placed.spec["fixed"]) == (170, False)


def test_lines_stand_as_the_position_says():
    for position, align in (("top-left", "left"), ("bottom", "center"), ("right", "right")):
        assert place(layers_of(text(position=position)), (64, 48))[0].spec["align"] == align
    assert place(layers_of(text(position="right", align="left")), (64, 48))[0].spec["align"] == "left"


def test_what_would_be_too_large_is_named():
    with pytest.raises(LimitExceeded) as caught:
        place(layers_of(text(), image(width="10000%")), (200, 100))
    assert caught.value.message == "layers.1.width would be 20000 pixels; at most 8192."
    assert caught.value.param == "layers.1.width"
    with pytest.raises(LimitExceeded) as caught:
        place(layers_of(text(font_size="9000%")), (200, 100))
    assert caught.value.param == "layers.0.font_size"


@pytest.mark.parametrize(
    ("more", "cells"),
    [
        ({"position": "top-left", "margin": 7}, (Cell("start", 6), Cell("start", 6))),
        ({"position": "bottom-right", "margin": 7}, (Cell("end"), Cell("end"))),
        ({}, (Cell("center"), Cell("center"))),
        ({"x": 31, "position": "bottom"}, (Cell("start", 30), Cell("end"))),
        ({"x": -50, "y": 5000}, (Cell("start", 0), Cell("start", 46))),
        ({"x": 20, "y": 20, "rotation": 10}, (Cell("start", 18), Cell("start", 18))),
    ],
)
def test_a_file_of_a_layer_has_an_even_place_that_is_known_beforehand(more, cells):
    assert place(layers_of(image(**more)), (64, 48))[0].cells == cells


def test_places_are_written_as_ffmpeg_reads_them():
    assert [cell.expression("w") for cell in (Cell("start", 4), Cell("end"), Cell("center"))] == [
        "4", "(main_w-overlay_w)", "(main_w-overlay_w)/2"
    ]  # fmt: skip


def test_characters_that_no_font_has_are_told():
    plan = Plan((), (Expected("image.png", "image/png", "image", width=64, height=48),), notes=("first",))
    fine = with_files(plan, layers_of(text(text="Hello Привет Ελλάδα שלום مرحبا 東京 한국어 हिन्दी ไทย 👍🏽\n")))
    assert fine.notes == ("first",)
    lacking = with_files(plan, layers_of(text(), text(text="a𐎀b𐎀𐎁")))
    assert lacking.notes == ("first", "layers.1: no font has 𐎀 𐎁, so that is left out.")


def test_a_layer_that_begins_too_late_is_told():
    plan = Plan((), (Expected("video.mp4", "video/mp4", "video", width=64, height=48, duration=1.5),))
    late, inside = text(start=2), text(start=1, end=9)
    notes = with_files(plan, layers_of(late, inside, options=VIDEO)).notes
    assert notes == ("layers.0 begins at 2 s, and the output ends at 1.5 s.",)


def test_a_layer_beside_the_picture_is_told():
    plan = Plan((), (Expected("image.png", "image/png", "image", width=64, height=48),))
    assert with_files(plan, layers_of(text(x=64))).notes == ("layers.0 lies outside the picture.",)
    assert with_files(plan, layers_of(text(y="100%"))).notes == ("layers.0 lies outside the picture.",)
