"""One story through the whole service, the same on every set of parts, and the media it is told with.

Every result is downloaded and looked into by tools that are not the service's own probe.
"""

import contextlib
import functools
import http.server
import io
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import imageio_ffmpeg
from PIL import Image

from tests.client import Client

SENTENCE = re.compile(r"\w[^\n]{10,200}\.")
RED, BLUE = (220, 20, 20), (20, 20, 220)


def near(color: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a pixel has a colour, but for what JPEG and scaling change."""
    return all(abs(one - other) < 25 for one, other in zip(color, wanted, strict=True))


def ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


def make_clip(path: Path, *, seconds: float = 3.0, size: str = "640x360", rate: int = 30, turned: bool = True) -> Path:
    """A test picture with a tone, stored lying down and marked as turned by 90 degrees, as phones do."""
    straight = path.with_name(f"straight-{path.name}")
    picture = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
    tone = ["-f", "lavfi", "-i", f"sine=440:d={seconds}:sample_rate=48000"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    ffmpeg(*picture, *tone, *codecs, str(straight))
    if not turned:
        return straight.rename(path)
    ffmpeg("-display_rotation:v:0", "90", "-i", str(straight), "-c", "copy", str(path))
    return path


def make_noise(path: Path, *, seconds: float = 6.0) -> Path:
    """A 720p video of noise with a tone: it takes an encoder longer than it lasts."""
    picture = ["-f", "lavfi", "-i", f"testsrc2=s=1280x720:r=30:d={seconds},noise=alls=40:allf=t"]
    tone = ["-f", "lavfi", "-i", f"sine=440:d={seconds}"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "34", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    ffmpeg(*picture, *tone, *codecs, str(path))
    return path


def make_photo(path: Path) -> Path:
    """A JPEG lying on its side: 80x60 as stored, red above blue, to be turned by 90 degrees clockwise when shown."""
    picture = Image.new("RGB", (80, 60), RED)
    picture.paste(BLUE, (0, 30, 80, 60))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(path, quality=95, exif=exif)
    return path


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The URL of a web server of this machine that serves the files of a folder."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def tell(credentials: dict[str, str], folder: Path) -> dict[str, Path]:
    """The whole story; the downloads it made, by the URLs they came from."""
    with Client(credentials) as client:
        return {**_phone_video(client, folder), **_photo(client, folder), **_from_url(client, folder)}


def _phone_video(client: Client, folder: Path) -> dict[str, Path]:
    before = client.http.get("/tasks").json()["meta"]["total"]
    clip = make_clip(folder / "phone.mp4")
    source = client.upload(clip)
    assert source["kind"] == "video"
    assert source["type"].startswith("video/mp4")
    assert (source["width"], source["height"], source["fps"]) == (360, 640, 30.0)
    assert abs(source["duration"] - 3.0) < 0.06
    assert source["filesize"] == clip.stat().st_size

    poster = client.make(source["media_id"], "image", width=180, filename="poster.jpg")
    with Image.open(client.download(poster["src"], folder / "poster.jpg")) as picture:
        assert (picture.format, picture.size) == ("JPEG", (180, 320))
    assert (poster["width"], poster["height"], poster["format"]) == (180, 320, "jpeg")

    small = client.make(source["id"], "video", width=120, filename="small.mp4")
    downloaded = client.download(small["src"], folder / "small.mp4")
    with av.open(str(downloaded)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        # 120 wide would be 213.3 high; the nearest even number is taken, as 4:2:0 wants.
        assert (video.width, video.height) in {(120, 212), (120, 214)}
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert sum(1 for _ in container.decode(video)) in range(88, 93)
    assert downloaded.read_bytes().find(b"moov") < downloaded.read_bytes().find(b"mdat")

    sound = client.make(source["id"], "audio", filename="sound.mp3")
    with av.open(str(client.download(sound["src"], folder / "sound.mp3"))) as container:
        assert not container.streams.video
        assert container.format.name == "mp3"
    assert client.http.get("/tasks").json()["meta"]["total"] == before + 3

    # What cannot be is refused in words that name the field, and leaves nothing behind.
    assert client.refusal(source["id"], "image", width=0).startswith("output.width")
    assert "colour" in client.refusal(source["id"], "image", colour="red")
    assert "start" in client.refusal(source["id"], "image", start=60)
    assert client.http.get("/tasks").json()["meta"]["total"] == before + 3
    assert client.http.get("/tasks", headers={"Authorization": "Bearer sk_test_nobody"}).status_code == 401
    return {poster["src"]: folder / "poster.jpg", small["src"]: downloaded, sound["src"]: folder / "sound.mp3"}


def _photo(client: Client, folder: Path) -> dict[str, Path]:
    photo = client.upload(make_photo(folder / "photo.jpg"))
    assert (photo["kind"], photo["width"], photo["height"]) == ("image", 60, 80)
    made = client.make(photo["id"], "image", width=30, format="png")
    path = client.download(made["src"], folder / "photo.png")
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == ("PNG", (30, 40))
        assert not picture.getexif()
        shown = picture.convert("RGB")
        # Turned: what was below is to the left now.
        assert [near(shown.getpixel((x, 20)), color) for x, color in ((5, BLUE), (24, RED))] == [True, True]
    assert client.refusal(photo["id"], "audio") == "audio needs audio or video; the input is an image file."
    return {made["src"]: path}


def _from_url(client: Client, folder: Path) -> dict[str, Path]:
    """Inputs that are fetched first; a task waits for them, or ends in an error that a person understands."""
    place = folder / "web"
    place.mkdir()
    ffmpeg("-f", "lavfi", "-i", "sine=880:d=2", "-c:a", "flac", str(place / "tone.flac"))
    (place / "notes.txt").write_bytes(b"not a picture, video or sound\n" * 10)
    (place / "cut.jpg").write_bytes((folder / "photo.jpg").read_bytes()[:300])
    with serving(place) as base:
        waiting = client.create(f"{base}/tone.flac", "audio", format="mp3", bitrate=64000)
        assert (waiting["status"], waiting["input"]) == ("waiting", f"{base}/tone.flac")
        asked = {"notes.txt": "image", "cut.jpg": "image", "missing.mp4": "video", "tone.flac": "video"}
        wrong = {name: client.create(f"{base}/{name}", kind)["id"] for name, kind in asked.items()}
        ready = client.wait(waiting["id"])
        assert ready["status"] == "ready", ready
        ended = {name: client.wait(task_id) for name, task_id in wrong.items()}
    path = client.download(ready["output"]["src"], folder / "tone.mp3")
    with av.open(io.BytesIO(path.read_bytes())) as container:
        assert container.format.name == "mp3"
        assert abs(float(container.duration or 0) / 1e6 - 2.0) < 0.1
    assert {task["status"] for task in ended.values()} == {"error"}, ended
    said = {name: task["error"] for name, task in ended.items()}
    assert said["tone.flac"] == "video needs video; the input is an audio file."
    assert "404" in said["missing.mp4"], said
    for sentence in said.values():
        assert SENTENCE.fullmatch(sentence), said
        assert not [word for word in ("/tmp", "/work", "Traceback", "Error(") if word in sentence], said
    return {ready["output"]["src"]: path}
