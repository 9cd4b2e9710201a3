"""The settings of alarms: several URLs in one variable, which are secrets."""

from __future__ import annotations

import pytest

from config.settings import Settings, read_settings


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("", []),
        ("slack://a/b/c", ["slack://a/b/c"]),
        (" slack://a/b/c\n  mailtos://u:p@example.com ", ["slack://a/b/c", "mailtos://u:p@example.com"]),
        ("json://one, json://two", ["json://one", "json://two"]),
        (
            "mailtos://u:p@example.com?to=a@x.in,b@x.in json://two",
            ["mailtos://u:p@example.com?to=a@x.in,b@x.in", "json://two"],
        ),
    ],
)
def test_urls_are_separated_by_spaces_and_may_have_commas_inside(
    monkeypatch: pytest.MonkeyPatch, text: str, urls: list[str]
) -> None:
    monkeypatch.setenv("HARKARA_ALARM_URLS", text)
    found = Settings(_env_file=None).alarm_urls
    assert [url.get_secret_value() for url in found] == urls
    assert all(url not in repr(found) for url in urls)


def test_what_is_no_url_is_refused_by_its_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARKARA_ALARM_URLS", "json://one T0KEN")
    with pytest.raises(SystemExit) as error:
        read_settings(())
    assert "HARKARA_ALARM_URLS: must be URLs of Apprise with spaces between them; number 2 has no ://" in str(
        error.value
    )
    assert "T0KEN" not in str(error.value)
