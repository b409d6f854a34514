"""One story through the whole service, the same on every set of parts: send a video, get a picture, a clip and its sound."""

import re
import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
from PIL import Image

from tests.client import Client


def make_clip(path: Path, *, seconds: float = 3.0, size: str = "640x360", rate: int = 30, turned: bool = True) -> Path:
    """A test picture with a tone, stored lying down and marked as turned by 90 degrees, as phones do."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    straight = path.with_name(f"straight-{path.name}")
    picture = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
    tone = ["-f", "lavfi", "-i", f"sine=440:d={seconds}:sample_rate=48000"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([ffmpeg, "-v", "error", "-y", *picture, *tone, *codecs, str(straight)], check=True)
    if not turned:
        return straight.rename(path)
    mark = ["-display_rotation:v:0", "90", "-i", str(straight), "-c", "copy", str(path)]
    subprocess.run([ffmpeg, "-v", "error", "-y", *mark], check=True)
    return path


def tell(credentials: dict[str, str], folder: Path) -> None:
    """The story, with every result downloaded and looked into by tools that are not the service's own probe."""
    client = Client(credentials)
    clip = make_clip(folder / "phone.mp4")
    source = client.upload(clip)
    assert source["kind"] == "video"
    assert source["type"].startswith("video/mp4")
    assert (source["width"], source["height"], source["fps"]) == (360, 640, 30.0)
    assert source["duration"] == 3.0 or abs(source["duration"] - 3.0) < 0.06
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

    refused = client.http.post("/tasks", json={"input": source["id"], "output": {"kind": "image", "width": 0}})
    assert refused.status_code == 400
    assert re.search(r"\bwidth\b", refused.json()["error"]["message"])
    assert client.http.get("/tasks").json()["meta"]["total"] == 3
    assert client.http.get("/tasks", headers={"Authorization": "Bearer sk_test_nobody"}).status_code == 401
    client.close()

