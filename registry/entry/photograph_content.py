"""What is stored of a picture: one upright JPEG in plain colours, and nothing that a camera wrote.

A file is taken for what it decodes to, whatever its name says. Place, hour, serial number, preview
and comments that cameras and phones put into their files never reach the database.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageCms, ImageOps

from registry.errors import UnreadableFile
from registry.messages import message

LARGEST_FILE: Final = 20 * 1024 * 1024
"""Bytes."""
MOST_PIXELS: Final = 50_000_000
"""What a picture may unfold to; looked at before anything is unfolded."""
LONGEST_SIDE: Final = 2000
"""Pixels of a stored picture."""
QUALITY: Final = 85
FORMATS: Final = ("JPEG", "PNG", "WEBP")
MODES: Final = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
"""Pixel formats that turn into plain colours without loss of brightness."""

_HEIF: Final = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_UNREADABLE: Final = message(
    "This is not a photograph that can be read, or the file is damaged. Nothing was stored. Choose "
    "a JPEG, PNG or WebP picture."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is stored: JPEG bytes and their SHA-256."""

    content: bytes
    digest: str


def prepared(content: bytes) -> Picture:
    """The picture in a file, as it is to be stored.

    At most 20 MB and 50 million pixels are taken. Raises :class:`UnreadableFile`, which says what
    the file is instead of a photograph and what to do.
    """
    if len(content) > LARGEST_FILE:
        raise UnreadableFile(
            message(
                "The file has {size} MB; a photograph may have {most} MB. Nothing was stored. Send "
                "it in a smaller size.",
                size=f"{len(content) / 2**20:.0f}",
                most=LARGEST_FILE // 2**20,
            )
        )
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF:
        raise UnreadableFile(
            message(
                "This is a HEIC picture, as iPhones keep them. Nothing was stored. Send it as "
                "JPEG: choose it on the iPhone itself, or set Camera, Formats to “Most Compatible”."
            )
        )
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _refuse(image)
            # A large JPEG is unfolded at a fraction of its size.
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(image)
            clean = _plain_colours(upright)
    except UnreadableFile:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except Exception:
        # Decoders meet damaged files with errors of many kinds; their words may quote the content.
        raise UnreadableFile(_UNREADABLE) from None
    clean.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    stored = io.BytesIO()
    clean.save(stored, "JPEG", quality=QUALITY)
    return Picture(stored.getvalue(), digest_of(stored.getvalue()))


def digest_of(content: bytes) -> str:
    """SHA-256 of a stored picture, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _refuse(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise _too_many_pixels()
    # Phones hide a second picture, of depth or brightness, behind a still JPEG (format MPO).
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise UnreadableFile(
            message(
                "This picture moves. Nothing was stored. Choose a still photograph (JPEG, PNG, "
                "WebP)."
            )
        )
    if image.mode not in MODES:
        raise UnreadableFile(_UNREADABLE)


def _too_many_pixels() -> UnreadableFile:
    return UnreadableFile(
        message(
            "The picture has more than {count} million pixels. Nothing was stored. Send it in a "
            "smaller size.",
            count=MOST_PIXELS // 1_000_000,
        )
    )


def _plain_colours(image: Image.Image) -> Image.Image:
    """The picture in sRGB on a white ground, without anything attached to it."""
    if image.has_transparency_data:
        over = image.convert("RGBA")
        clean = Image.new("RGB", image.size, "white")
        clean.paste(over, mask=over.getchannel("A"))
        return clean
    profile = image.info.get("icc_profile")
    clean = _in_srgb(image, profile) if profile else image.convert("RGB")
    clean.info = {}
    return clean


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Colours as the camera meant them; a profile that cannot be used is left out of account."""
    try:
        meant = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        found = ImageCms.profileToProfile(
            image, meant, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        found = None
    return found or image.convert("RGB")
