"""Is a picture stored upright, in plain colours, without what a camera wrote; and nothing else?"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms

from registry.entry.photograph_content import LARGEST_FILE, LONGEST_SIDE, digest_of, prepared
from registry.errors import UnreadableFile

MAKE, ORIENTATION, GPS = 0x010F, 0x0112, 0x8825
CANARY = b"ZZPHI4711"


def file_of(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def two_halves(size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    return image.convert(mode)


def from_a_camera(**tags: Any) -> Image.Exif:
    exif = Image.Exif()
    exif[MAKE] = CANARY.decode()
    exif.get_ifd(GPS).update({1: "N", 2: (48.0, 12.0, 30.0)})
    for tag, value in tags.values():
        exif[tag] = value
    return exif


def stored(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(prepared(content).content))
    image.load()
    return image


def refusal(content: bytes) -> str:
    with pytest.raises(UnreadableFile) as error:
        prepared(content)
    return str(error.value)


def is_red(pixel: Any) -> bool:
    red, green, blue = pixel
    return red > 180 and green < 90 and blue < 90


def segments(jpeg: bytes) -> set[int]:
    """Kinds of the segments of a JPEG before its picture begins."""
    found, at = set(), 2
    while jpeg[at + 1] != 0xDA:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found


def test_nothing_that_a_camera_wrote_is_stored() -> None:
    content = file_of(
        two_halves(), exif=from_a_camera(), comment=CANARY, icc_profile=_profile(), xmp=CANARY
    ) + CANARY  # fmt: skip
    picture = prepared(content)
    assert CANARY in content
    assert CANARY not in picture.content
    image = stored(content)
    assert dict(image.getexif()) == {}
    assert image.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    # JFIF, tables and the frame alone: no Exif, no profile, no comment.
    assert segments(picture.content) <= {0xE0, 0xDB, 0xC0, 0xC4}
    assert picture.digest == digest_of(picture.content)


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [(1, (60, 40), (10, 20)), (3, (60, 40), (50, 20)), (6, (40, 60), (20, 10)),
     (8, (40, 60), (20, 50))],
)  # fmt: skip
def test_a_picture_is_turned_upright(
    orientation: int, size: tuple[int, int], red_at: tuple[int, int]
) -> None:
    exif = from_a_camera(turned=(ORIENTATION, orientation))
    image = stored(file_of(two_halves(), exif=exif, quality=95))
    assert image.size == size
    assert is_red(image.getpixel(red_at))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_each_kind_is_stored_as_a_colour_jpeg(kind: str, mode: str) -> None:
    image = stored(file_of(two_halves(mode=mode), kind))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (60, 40))


def test_a_printers_jpeg_keeps_its_colours() -> None:
    image = stored(file_of(two_halves(mode="CMYK"), quality=95))
    assert image.mode == "RGB"
    assert is_red(image.getpixel((10, 20)))


def _profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("profile", [_profile(), b"no profile at all"])
def test_a_colour_profile_is_applied_and_left_out(profile: bytes) -> None:
    image = stored(file_of(two_halves(), "PNG", icc_profile=profile))
    assert "icc_profile" not in image.info
    assert is_red(image.getpixel((10, 20)))


def test_what_is_transparent_becomes_white() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    pixel: Any = stored(file_of(clear, "PNG")).getpixel((20, 20))
    assert min(pixel) > 250


def test_a_large_photograph_is_made_smaller_and_a_small_one_is_not() -> None:
    assert stored(file_of(Image.new("RGB", (4200, 2800), "tan"))).size == (LONGEST_SIDE, 1333)
    assert stored(file_of(Image.new("RGB", (90, 2400), "tan"), "PNG")).size == (75, LONGEST_SIDE)
    assert stored(file_of(two_halves())).size == (60, 40)


def test_the_same_file_gives_the_same_bytes() -> None:
    content = file_of(two_halves(), exif=from_a_camera())
    assert prepared(content) == prepared(content)


def test_a_still_picture_with_a_second_one_behind_it_is_a_photograph() -> None:
    content = file_of(
        two_halves(), "MPO", save_all=True, append_images=[Image.new("RGB", (60, 40))]
    )
    assert is_red(stored(content).getpixel((10, 20)))


# --- what is no photograph -----------------------------------------------------------------------


def png_that_claims(width: int, height: int) -> bytes:
    """A header that promises a picture of this size, and hardly anything behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    begin = b"\x89PNG\r\n\x1a\n"
    return begin + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [7_072, 9_800, 13_500, 60_000])
def test_a_picture_that_unfolds_to_too_much_is_refused_unopened(side: int) -> None:
    assert "more than 50 million pixels" in refusal(png_that_claims(side, side))


def test_forty_megabytes_are_refused_unread() -> None:
    assert "The file has 40 MB; a photograph may have 20 MB" in refusal(
        b"\xff\xd8" * (2 * LARGEST_FILE // 2)
    )


def animated(kind: str) -> bytes:
    return file_of(
        two_halves(), kind, save_all=True, append_images=[Image.new("RGB", (60, 40), "green")]
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a photograph"),
        (b"The patient of the day", "not a photograph"),
        (b"%PDF-1.7 and so on", "not a photograph"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a photograph"),
        (file_of(two_halves((600, 400)))[:2000], "not a photograph"),
        (file_of(two_halves((600, 400)), "PNG")[:-40], "not a photograph"),
        (file_of(two_halves(), "GIF"), "not a photograph"),
        (animated("GIF"), "not a photograph"),
        (file_of(Image.new("I;16", (40, 40)), "PNG"), "not a photograph"),
        (animated("PNG"), "moves"),
        (animated("WEBP"), "moves"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    ],
    ids=["empty", "text", "pdf", "svg", "cut jpeg", "cut png", "gif", "moving gif", "16 bit",
         "moving png", "moving webp", "heic"],
)  # fmt: skip
def test_what_is_no_still_photograph_is_refused_in_words(content: bytes, said: str) -> None:
    words = refusal(content)
    assert said in words
    assert "Nothing was stored." in words


def test_a_damaged_file_is_refused_or_read_but_never_breaks() -> None:
    whole = file_of(two_halves((120, 80)), exif=from_a_camera(), icc_profile=_profile())
    for place in range(0, len(whole), 7):
        damaged = whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :]
        try:
            content = prepared(damaged).content
        except UnreadableFile:
            continue
        assert segments(content) <= {0xE0, 0xDB, 0xC0, 0xC4}
