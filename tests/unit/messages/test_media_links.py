"""Validation of media links."""

from __future__ import annotations

import pytest

from harkara.errors import Invalid
from harkara.messages import Audio, Document, Image, Sticker, Video


@pytest.mark.parametrize(
    "link",
    [
        "https://cloudinary.com/product-image.jpg",
        "HTTPS://CDN.Example.COM:443/a/b/photo.JPEG?size=1.5&x=y",
        "https://example.com/image",
        "https://example.com/v1.2/image",
        "https://example.com/image/v1.2",
        "https://cdn.example.com/photo.php?id=3",
        "https://example.com/Invoice.ASPX?id=7",
        "https://xn--p1b6ci4b4b3a.xn--h2brj9c/a.png",
        "https://8.8.8.8/a.webp",
        "https://[2606:4700:4700::1111]/a.jpg",
        "https://localhost.example.com/a.jpg",
        "https://my-internal.com/a.jpg",
    ],
)
def test_a_public_link_passes(link: str) -> None:
    assert Image(link).link == link


@pytest.mark.parametrize(
    "link",
    [
        "http://example.com/a.jpg",
        "ftp://example.com/a.jpg",
        "//example.com/a.jpg",
        "a.jpg",
        "",
        "https://",
        "https:///a.jpg",
        "https://example.com:port/a.jpg",
        "https://example.com:99999/a.jpg",
        "https://[::1/a.jpg",
        "https://asha:secret@example.com/a.jpg",
        "https://@example.com/a.jpg",
        "https://example.com/my photo.jpg",
        "https://example.com/a.jpg\n",
        "https://example.com/a.jpg#top",
        "https://example.com/*.jpg",
        "https://example.com\\@localhost/a.jpg",
        "https://example.com/छवि.jpg",
        "https://example.com/" + "a" * 2_048,
    ],
)
def test_a_link_that_is_not_plain_https_is_refused(link: str) -> None:
    with pytest.raises(Invalid, match=r"^link: "):
        Image(link)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "api.localhost",
        "printer.local",
        "metadata.google.internal",
        "nas.home.arpa",
        "intranet",
        "127.0.0.1",
        "127.1",
        "10.0.0.8",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "010.8.8.8",
        "8.8.8.0x8",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[64:ff9b::a00:1]",
        "[2001:db8::1]",
        "%31%32%37.0.0.1",
        "example..com",
        "-example.com",
    ],
)
def test_a_host_that_is_not_on_the_internet_is_refused(host: str) -> None:
    with pytest.raises(Invalid, match="must be on a public host"):
        Image(f"https://{host}/a.jpg")


@pytest.mark.parametrize(
    ("kind", "allowed", "refused"),
    [
        (Image, ["jpg", "jpeg", "png", "webp", "PNG"], ["gif", "pdf", "svg", "JP2"]),
        (Video, ["mp4", "3gp"], ["avi", "mov", "jpg"]),
        (Audio, ["mp3", "ogg", "opus"], ["wav", "m4a"]),
        (Document, ["pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt"], ["exe", "zip", "html"]),
        (Sticker, ["webp"], ["png", "gif"]),
    ],
)
def test_the_extension_must_be_a_documented_one(
    kind: type[Image | Video | Audio | Document | Sticker], allowed: list[str], refused: list[str]
) -> None:
    for extension in allowed:
        kind(f"https://example.com/a.{extension}?download=a.exe")
    for extension in refused:
        with pytest.raises(Invalid, match=f"must be a file of type .* \\(this is .{extension.lower()}\\)"):
            kind(f"https://example.com/a.{extension}?as=a.{allowed[0]}")
