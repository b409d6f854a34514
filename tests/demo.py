"""`make demo`: the README's story without a person. Exits 0 only when each result is right.

Starts the service on a throw-away data folder, makes a rotated video with sound, runs the very curl lines that
`make run` prints, then asks for a smaller video and its sound, and checks each download with an independent probe.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import av
from PIL import Image

from ittyhost.launcher.facts import curl_lines
from tests.client import Client
from tests.stack import running
from tests.story import make_clip


def check(is_right: bool, what: str) -> None:
    print(f"{'ok  ' if is_right else 'FAIL'} {what}", flush=True)
    if not is_right:
        sys.exit(1)


def curl_story(credentials: dict[str, str], folder: Path) -> str:
    """Run the printed lines as they are in a shell beside video.mp4; the id of the file, which became a poster."""
    script = "\n".join(curl_lines(credentials))
    ran = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120)
    check((ran.returncode, ran.stderr) == (0, ""), f"the printed curl lines run {ran.stderr}")
    source, task, status = ran.stdout.splitlines()
    check(source.startswith("file_") and task.startswith("tsk_"), "they tell the ids of the file and of the task")
    check(status == '"status":"ready"', f"they tell how the task ended: {status}")
    with Image.open(folder / "poster.jpg") as poster:
        check((poster.format, poster.size) == ("JPEG", (640, 1138)), "poster.jpg is an upright JPEG, 640 wide")
    return source


def main() -> None:
    if shutil.which("curl") is None:
        sys.exit("make demo runs the README's curl lines and needs curl: apt-get install curl")
    with tempfile.TemporaryDirectory(prefix="ittyhost-demo-") as name, running() as stack:
        folder = Path(name)
        make_clip(folder / "video.mp4")
        print(f"service at {stack.credentials['base_url']}", flush=True)
        source = curl_story(stack.credentials, folder)
        client = Client(stack.credentials)

        small = client.make(source, "video", width=180, filename="small.mp4")
        clip = client.download(small["src"], folder / "small.mp4")
        with av.open(str(clip)) as container:
            picture, sound = container.streams.video[0], container.streams.audio[0]
            check((picture.width, picture.height) == (180, 320), "the smaller video is 180x320, turned upright")
            check(abs(float(container.duration or 0) / 1e6 - 3.0) < 0.1, "it is three seconds long")
            check((picture.codec_context.name, sound.codec_context.name) == ("h264", "aac"), "it is H.264 with AAC")
        head = clip.read_bytes()
        check(head.find(b"moov") < head.find(b"mdat"), "its moov comes first")

        tone = client.make(source, "audio", format="mp3", filename="sound.mp3")
        with av.open(str(client.download(tone["src"], folder / "sound.mp3"))) as container:
            check(container.streams.audio[0].codec_context.name.startswith("mp3"), "the sound is MP3")
            check(not container.streams.video, "and nothing but sound")

        posters = client.http.get("/tasks?kind=image").json()["data"]
        check(
            len(posters) == 1 and posters[0]["output"]["filename"] == "poster.jpg", "the list shows the poster's task"
        )

        ran = subprocess.run(
            [sys.executable, "manage.py", "process", str(folder / "video.mp4"), "--kind", "image", "--set", "width=90"]
            + ["--out", str(folder / "tiny.png")],
            env={"ITTYHOST_DATA": str(stack.data), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )
        check(ran.returncode == 0, f"manage.py process works {ran.stderr.strip()[-300:]}")
        with Image.open(folder / "tiny.png") as picture_file:
            check(
                (picture_file.format, picture_file.size) == ("PNG", (90, 160)), "and writes the PNG its name asks for"
            )
        client.close()
    print("the whole story holds", flush=True)


if __name__ == "__main__":
    main()
