"""References in playlists and manifests: moved and signed where they stay below, let be where they do not."""

import time
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

import pytest

from media_app.manifests import is_manifest, is_thumbnails, rewritten, rewritten_thumbnails

HLS, DASH = "application/vnd.apple.mpegurl", "application/dash+xml"
QUERY = "expiry=1800000000&method=get&signature=a-_Z"
HEAD = "#EXTM3U\n"
MASTER = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English, URI=\\"no",LANGUAGE="en",DEFAULT=YES,URI="audio-1/stream.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="Deutsch",URI="subtitles-1/stream.m3u8"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,CODECS="avc1.64001E",URI="720p/iframes.m3u8",RESOLUTION=1280x720
#EXT-X-STREAM-INF:BANDWIDTH=2000000,CODECS="avc1.64001E,mp4a.40.2",AUDIO="audio"
720p/stream.m3u8
"""
MEDIA = """#EXTM3U
#EXT-X-MAP:URI="init.mp4",BYTERANGE="720@0"
#EXTINF:6.000,title, with URI="x.ts"
#EXT-X-BYTERANGE:1000@0
segment-00001.m4s
#EXTINF:6.0,
segment-00002.m4s\r
#EXT-X-ENDLIST
"""


def hls(text: str, base: str = "", query: str = "") -> str:
    whole = text if text.startswith(HEAD) else HEAD + text
    return rewritten(whole.encode(), HLS, base=base, query=query).decode().removeprefix("" if whole is text else HEAD)


def test_a_master_is_moved_below_the_files_id():
    moved = hls(MASTER, base="../file_x/")
    assert [line for line in moved.splitlines() if "file_x" in line] == [
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English, URI=\\"no",LANGUAGE="en",DEFAULT=YES,'
        'URI="../file_x/audio-1/stream.m3u8"',
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="Deutsch",URI="../file_x/subtitles-1/stream.m3u8"',
        '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,CODECS="avc1.64001E",URI="../file_x/720p/iframes.m3u8",'
        "RESOLUTION=1280x720",
        "../file_x/720p/stream.m3u8",
    ]
    assert moved.replace("../file_x/", "") == MASTER


def test_a_playlist_gets_the_query_on_what_it_names_and_on_nothing_else():
    signed = hls(MEDIA, query=QUERY)
    assert signed == (
        MEDIA.replace('"init.mp4"', f'"init.mp4?{QUERY}"')
        .replace("segment-00001.m4s", f"segment-00001.m4s?{QUERY}")
        .replace("segment-00002.m4s", f"segment-00002.m4s?{QUERY}")
    )


@pytest.mark.parametrize(
    "reference",
    [
        "https://evil.example/a.ts",
        "//evil.example/a.ts",
        "\\\\evil.example\\a.ts",
        "/\\evil.example/a.ts",
        "a\\..\\b.ts",
        "data:video/mp2t;base64,AA",
        "javascript:alert(1)",
        "/absolute/a.ts",
        "../other/a.ts",
        "a/../../other.ts",
        "%2e%2e/other.ts",
        "a%2F..%2Fb.ts",
        "C:a.ts",
        "a b.ts",
        "a\x0bb.ts",
        "a.ts?x=\\\\evil",
    ],
)
def test_what_leads_elsewhere_is_let_be_and_gets_no_signature(reference):
    for text in (f"#EXTM3U\n{reference}\n", f'#EXT-X-MAP:URI="{reference}"\n'):
        assert hls(text, base="../file_x/", query=QUERY) == text


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("a.ts?v=1", f"f/a.ts?v=1&{QUERY}"),
        ("a.ts#t=1", f"f/a.ts?{QUERY}#t=1"),
        ("a.ts?v=1#t", f"f/a.ts?v=1&{QUERY}#t"),
        ("x/%20a.ts", f"f/x/%20a.ts?{QUERY}"),
        ("x/./y/../a.ts", f"f/x/./y/../a.ts?{QUERY}"),
        ("x/a:b.ts", f"f/x/a:b.ts?{QUERY}"),
        ("  a.ts\t", f"f/a.ts?{QUERY}"),
    ],
)
def test_queries_and_fragments_keep_their_places(reference, expected):
    assert hls(f"{reference}\n", base="f/", query=QUERY) == f"{expected}\n"


def test_text_that_is_none_is_given_as_it_is():
    for body in (b"\xff\xfe#EXTM3U", b"", b"\x00" * 100):
        assert rewritten(body, HLS, base="f/", query=QUERY) in (body, b"")
    assert rewritten(b"<MPD", DASH, base="f/", query=QUERY) == b"<MPD"
    assert rewritten(b"720p/stream.m3u8\n", HLS, base="f/", query=QUERY) == b"720p/stream.m3u8\n"
    assert rewritten(b"<html/>", DASH, base="f/", query=QUERY) == b"<html/>"


@pytest.mark.parametrize(
    "text",
    [
        "#EXT-X-MAP:" + 'URI="' * 100_000,
        "#EXT-X-MAP:" + "A" * 2_000_000,
        "#EXT-X-MAP:" + "A=" * 1_000_000,
        "#EXT-X-MAP:" + '"' * 2_000_001,
        "a" * 3_000_000,
        "../" * 700_000,
        "a/../" * 400_000,
        "\n" * 300_000,
        "x\r" * 100_000,
    ],
)
def test_hostile_text_takes_no_time(text):
    began = time.process_time()
    hls(text, base="f/", query=QUERY)
    assert time.process_time() - began < 3


MPD = """<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" type="static">
 <ProgramInformation/>
 <Period id="0">
  <AdaptationSet contentType="video" mimeType="video/mp4">
   <Label>&lt;b&gt; &amp; "c"</Label>
   <Representation id="720p" bandwidth="1">
    <SegmentTemplate initialization="720p/init.mp4" media="720p/segment-$Number%05d$.m4s" timescale="1"/>
   </Representation>
   <Representation id="single"><BaseURL>360p/whole.mp4</BaseURL>
    <SegmentBase><Initialization sourceURL="360p/init.mp4" range="0-9"/></SegmentBase>
   </Representation>
   <Representation id="list"><BaseURL>240p/</BaseURL><SegmentList><SegmentURL media="1.m4s"/></SegmentList>
   </Representation>
   <Representation id="far"><BaseURL>https://other.example/a.mp4</BaseURL></Representation>
  </AdaptationSet>
 </Period>
</MPD>
"""


def dash(text: str = MPD, base: str = "", query: str = "") -> ElementTree.Element:
    return ElementTree.fromstring(rewritten(text.encode(), DASH, base=base, query=query))


def texts(root: ElementTree.Element, name: str) -> list[str | None]:
    return [element.text for element in root.iter() if element.tag.endswith(f"}}{name}")]


def attributes(root: ElementTree.Element, name: str) -> list[str]:
    return [value for element in root.iter() if (value := element.get(name))]


def test_a_dash_manifest_has_one_base_and_signed_references():
    root = dash(base="../file_x/", query=QUERY)
    assert texts(root, "BaseURL") == [
        "../file_x/",
        f"360p/whole.mp4?{QUERY}",
        "240p/",
        "https://other.example/a.mp4",
    ]
    assert attributes(root, "media") == [f"720p/segment-$Number%05d$.m4s?{QUERY}", f"1.m4s?{QUERY}"]
    assert attributes(root, "initialization") == [f"720p/init.mp4?{QUERY}"]
    assert attributes(root, "sourceURL") == [f"360p/init.mp4?{QUERY}"]
    assert texts(root, "Label") == ['<b> & "c"']
    assert [child.tag.rpartition("}")[2] for child in root] == ["ProgramInformation", "BaseURL", "Period"]
    assert b"&amp;method=get" in rewritten(MPD.encode(), DASH, base="", query=QUERY)


def test_a_base_of_its_own_is_moved():
    root = dash(
        MPD.replace("<ProgramInformation/>", "<BaseURL>media/</BaseURL><BaseURL>//cdn.example/</BaseURL>"), "f/"
    )
    assert texts(root, "BaseURL")[:2] == ["f/media/", "//cdn.example/"]


def test_a_document_type_is_not_read():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + MPD.partition("?>")[2].replace("Label>", "b>")
    assert rewritten(bomb.encode(), DASH, base="f/", query=QUERY) == bomb.encode()


@pytest.mark.parametrize("place", ["talk.m3u8", "demo/talk.m3u8", "a/b/c/talk.m3u8", "file_x"])
def test_what_is_moved_resolves_to_the_members_from_every_place(place):
    base = "../" * place.count("/") + "file_x/"
    line = hls("720p/stream.m3u8\n", base=base, query=QUERY).strip()
    resolved = urljoin(f"https://media.example.com/delivery/prj_1/{place}", line)
    assert urlsplit(resolved).path == "/delivery/prj_1/file_x/720p/stream.m3u8"


def test_which_types_are_manifests():
    assert [is_manifest(type) for type in (HLS, "Application/X-MPEGURL; charset=utf-8", DASH)] == [True] * 3
    assert [is_manifest(type) for type in ("video/mp2t", "text/vtt", "application/xml", "")] == [False] * 4


# --- Thumbnails ---


def of_thumbnails(text: str, query: str = "") -> str:
    given = {"base": "../file_1/", "root": "https://media.example.test/proj_1/file_1/", "query": query}
    return rewritten_thumbnails(text.encode(), **given).decode()


def cue(reference: str) -> str:
    return f"WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\n{reference}\n"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (
            "sprite-1.jpg#xywh=0,0,160,90",
            "https://media.example.test/proj_1/file_1/sprite-1.jpg?expiry=1&signature=s#xywh=0,0,160,90",
        ),
        ("./sprite-1.jpg#xywh=160,90,160,90", "../file_1/sprite-1.jpg?expiry=1&signature=s#xywh=160,90,160,90"),
        ("https://other.example/a.jpg#xywh=0,0,1,1", "https://other.example/a.jpg#xywh=0,0,1,1"),
        ("//other.example/a.jpg#xywh=0,0,1,1", "//other.example/a.jpg#xywh=0,0,1,1"),
        ("/a.jpg#xywh=0,0,1,1", "/a.jpg#xywh=0,0,1,1"),
        ("../a.jpg#xywh=0,0,1,1", "../a.jpg#xywh=0,0,1,1"),
        (".//other.example/a.jpg#xywh=0,0,1,1", ".//other.example/a.jpg#xywh=0,0,1,1"),
        (".\\\\other.example/a.jpg#xywh=0,0,1,1", ".\\\\other.example/a.jpg#xywh=0,0,1,1"),
        ("./javascript:alert(1)#xywh=0,0,1,1", "./javascript:alert(1)#xywh=0,0,1,1"),
        ("./../../a.jpg#xywh=0,0,1,1", "./../../a.jpg#xywh=0,0,1,1"),
        ("Said at the harbour.", "Said at the harbour."),
        ("sprite-1.jpg", "sprite-1.jpg"),
        ("see sprite-1.jpg#xywh=0,0,1,1 there", "see sprite-1.jpg#xywh=0,0,1,1 there"),
    ],
)
def test_thumbnails_lead_to_their_sheets_by_whole_urls_or_as_they_say(reference, expected):
    assert of_thumbnails(cue(reference), query="expiry=1&signature=s") == cue(expected)


def test_only_the_line_below_the_times_of_a_cue_is_looked_at():
    text = "WEBVTT\n\nNOTE\na.jpg#xywh=0,0,1,1\n\na.jpg#xywh=0,0,1,1\n00:00.000 --> 00:01.000\na.jpg#xywh=0,0,1,1\nb.jpg#xywh=0,0,1,1\n"
    before, _, after = text.rpartition("a.jpg")
    assert of_thumbnails(text) == f"{before}https://media.example.test/proj_1/file_1/a.jpg{after}"


def test_line_ends_stay_and_what_is_no_track_of_thumbnails_is_let_be():
    text = cue("sprite-1.jpg#xywh=0,0,1,1").replace("\n", "\r\n")
    assert of_thumbnails(text).count("\r\n") == text.count("\r\n")
    assert of_thumbnails("1\n00:00:00,000 --> 00:00:01,000\na.jpg#xywh=0,0,1,1\n").endswith("\na.jpg#xywh=0,0,1,1\n")
    assert rewritten_thumbnails(b"WEBVTT\xff", base="", root="https://a/", query="") == b"WEBVTT\xff"


def test_which_files_are_tracks_of_thumbnails():
    given = [("thumbnails", "text/vtt"), ("thumbnails", "Text/VTT; charset=utf-8")]
    assert all(is_thumbnails(*one) for one in given)
    other = [("subtitles", "text/vtt"), ("thumbnails", "image/jpeg"), ("image", "text/vtt")]
    assert not any(is_thumbnails(*one) for one in other)
