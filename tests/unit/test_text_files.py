"""Files as editors on Windows save them: with byte order marks, in UTF-16, in Windows-1252."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.lanes_file import read_lane_settings
from harkara.catalogue import Catalogue
from harkara.errors import Invalid
from harkara.inbound.word_lists import WordLists
from harkara.money.prices import Prices
from harkara.occasions import Rules
from harkara.playbook.table import PlaybookTable
from harkara.text_files import read_text
from harkara.toml import load_toml

CONFIG = Path(__file__).parents[2] / "config"
TEXT = '# Größe\r\nname = "आशा"\r\n'


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        ("", "utf-8"),
        ("\ufeff", "utf-8"),
        ("\ufeff\ufeff", "utf-8"),
        ("\ufeff", "utf-16-le"),
        ("\ufeff", "utf-16-be"),
        ("\ufeff\ufeff", "utf-16-le"),
    ],
)
def test_a_toml_file_is_read_in_each_encoding_of_an_editor(tmp_path: Path, mark: str, encoding: str) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes((mark + TEXT).encode(encoding))
    assert load_toml(file) == {"name": "आशा"}


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"# a\nname = 'Jos\xe9'\n", "own.toml: line 2 is not in UTF-8; save it as UTF-8"),
        ("a = 1".encode("utf-16-le"), "own.toml: is not a text file; open it in an editor and save it in UTF-8"),
        ("a = 1".encode("utf-32"), "own.toml: is not a text file"),
        (b"PK\x03\x04 and more", "own.toml: is not a text file"),
        (b"\xef\xbb\xbfa = \n", "own.toml, a: cannot be read as TOML: Invalid value (at line 1"),
    ],
)
def test_another_file_is_refused_with_its_line_and_the_next_step(tmp_path: Path, data: bytes, complaint: str) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(data)
    with pytest.raises(Invalid) as caught:
        load_toml(file)
    assert str(caught.value).startswith(complaint)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"none\.toml: cannot be read: No such file"):
        read_text(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("words.toml", WordLists.load),
        ("templates.toml", Catalogue.load),
        ("reminders.toml", Rules.load),
        ("prices.toml", Prices.load),
        ("playbook.toml", PlaybookTable.load),
        ("lanes.example.toml", read_lane_settings),
    ],
)
def test_each_file_of_a_deployment_may_have_a_byte_order_mark(tmp_path: Path, name: str, load: object) -> None:
    assert callable(load)
    marked = tmp_path / name
    marked.write_bytes("\ufeff".encode() + (CONFIG / name).read_bytes())
    assert load(marked) == load(CONFIG / name)
