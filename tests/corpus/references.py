"""What a frame or a picture should look like: rendered without the engine, by Debian's ffmpeg or by Pillow alone."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pillow_heif
from PIL import Image, ImageCms, ImageOps

from tests.corpus import tools
from tests.corpus.files import RealFile

Size = tuple[int, int]
GRID = 8  # cells an edge, whose mean colours are compared
_TURNS = {90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock"}
_SRGB = ImageCms.createProfile("sRGB")
# Through linear light to BT.709, white at 203 cd/m² (ITU-R BT.2408), highlights by Reinhard's curve.
_TONE_MAP = (
    "zscale=tin={transfer}:min=bt2020nc:pin=bt2020:rin=tv:t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=reinhard:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p,"
)


@dataclass(frozen=True)
class Likeness:
    """How near two pictures are: `ssim` of luma (1 is the same), and the greatest distance of the mean colours of
    the same cell of a grid, 0 to 255."""

    ssim: float
    color: float


def moving(file: RealFile, number: int, size: Size, target: Path, *, stream: str, one_bit: bool = False) -> Path:
    """Frame `number` of a video's stream as a viewer sees it, scaled to `size`: progressive, upright, in BT.709, over
    black; with `one_bit` pixels are either clear or not, as in GIF."""
    chain = ["yadif=deint=all"] if file.interlaced else []
    chain += [f"select=eq(n\\,{number})"]
    chain += [_TURNS[file.rotation]] if file.rotation else []
    if file.transfer in ("smpte2084", "arib-std-b67"):
        chain += [_TONE_MAP.format(transfer=file.transfer).rstrip(",")]
        chain += [f"scale={size[0]}:{size[1]}:flags=lanczos:in_color_matrix=bt709:in_range=tv,format=gbrp"]
    else:
        clear = ",premultiply=inplace=1" if file.alpha else ""
        scaled = f"scale={size[0]}:{size[1]}:flags=lanczos,"
        chain += [f"scale=flags=lanczos:in_color_matrix={file.matrix},format={'gbrap' if clear else 'gbrp'}"]
        if clear and one_bit:
            # Where it shows at all it shows in full: scaled first, so that there is something to cut.
            clear = f",{scaled}lut=c3=255*gte(val\\,128){clear}"
        chain += [f"null{clear},{scaled}format=gbrp"]
    before = ("-noautorotate", "-c:v", "libvpx-vp9") if file.alpha else ("-noautorotate",)
    return tools.frame(file.path, ",".join(chain), target, stream=stream, before=before)


def shown(path: Path, number: int, target: Path, *, stream: str = "v:0") -> Path:
    """Frame `number` of a video that was made, as a player shows it: by its tags."""
    facts = tools.streams(tools.ffprobe(path), "video")[0]
    matrix = facts.get("color_space", "bt709")
    before: tuple[str, ...] = ()
    clear = "1" in (facts.get("tags", {}).get("alpha_mode"), facts.get("tags", {}).get("ALPHA_MODE"))
    if clear:
        before = ("-c:v", "libvpx-vp9")
    over = "gbrap,premultiply=inplace=1,format=gbrp" if clear else "gbrp"
    chain = [f"select=eq(n\\,{number}),scale=flags=lanczos:in_color_matrix={matrix},format={over}"]
    return tools.frame(path, ",".join(chain), target, stream=stream, before=before)


def still(path: Path, size: Size, target: Path, *, one_bit: bool = False) -> Path:
    """A picture upright, in sRGB, over black, scaled to `size`; by Pillow alone. With `one_bit` pixels are either clear
    or not, as in GIF."""
    picture = _opened(path)
    if picture.mode == "RGBA":
        picture = picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    else:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    _over_black(picture, one_bit=one_bit).save(target)
    return target


def plain(path: Path, target: Path) -> Path:
    """A picture that was made, as it is, over black; of an animation the first frame."""
    _over_black(_opened(path)).save(target)
    return target


def _opened(path: Path) -> Image.Image:
    """RGB, or RGBA where anything may be clear."""
    pillow_heif.register_heif_opener()
    with Image.open(path) as opened:
        profile = opened.info.get("icc_profile")
        picture: Image.Image = ImageOps.exif_transpose(opened)
    if picture.mode.startswith("I;16"):
        picture = picture.point(lambda value: value / 257, "L")
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        picture = ImageCms.profileToProfile(picture, own, _SRGB, intent, "RGB", flags=flags) or picture
    return picture.convert("RGB")


def _over_black(picture: Image.Image, *, one_bit: bool = False) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    alpha = picture.getchannel("A")
    black = Image.new("RGB", picture.size)
    black.paste(picture.convert("RGB"), mask=alpha.point(lambda value: 255 * (value >= 128)) if one_bit else alpha)
    return black


def likeness(made: Path, reference: Path) -> Likeness:
    """How near two pictures of one size are."""
    means = []
    for path in (made, reference):
        with Image.open(path) as image:
            small = image.convert("RGB").resize((GRID, GRID), Image.Resampling.BOX)
            means.append([small.getpixel((x, y)) for y in range(GRID) for x in range(GRID)])
    distance = max(abs(a - b) for one, other in zip(*means, strict=True) for a, b in zip(one, other, strict=True))  # type: ignore[arg-type]
    return Likeness(tools.ssim(made, reference), float(distance))


def size(path: Path) -> Size:
    """Pixels of a picture."""
    with Image.open(path) as image:
        return image.size
