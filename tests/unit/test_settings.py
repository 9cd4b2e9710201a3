"""The settings are read from the environment, and a wrong value is refused with the name of its variable."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.environment import bare_environment
from config.files import readers
from config.lanes import lanes
from config.lanes_file import read_lane_settings
from config.settings import Settings, check_env_file, read_settings, variable
from harkara.errors import Invalid


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    for name in ("REDIS_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def settings() -> Settings:
    """The settings of the environment alone."""
    return read_settings(())


def test_the_first_variable_of_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbfHARKARA_SILENCE=90s\r\nHARKARA_TIMEZONE=Asia/Dubai\r\n")
    found = read_settings((file,))
    assert (found.silence, found.timezone) == (timedelta(seconds=90), "Asia/Dubai")


def test_a_file_of_variables_in_another_encoding_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("HARKARA_SILENCE=90s\n", "utf-16")
    with pytest.raises(SystemExit, match=r"\.env: is not in UTF-8; save it as UTF-8"):
        read_settings((file,))


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """Docker makes one for a file that it is to mount and does not find; its settings would be the defaults."""
    with pytest.raises(SystemExit, match="is a folder; put a file in its place"):
        read_settings((tmp_path,))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86_400), ("15", 15), ("3.05", 3.05), ("0.5 m", 30), (" 7 ", 7)],
)
def test_a_duration_has_a_unit_or_is_in_seconds(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv("HARKARA_SILENCE", text)
    assert settings().silence == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["soon", "10 weeks", "s", "1d12h", "nan", "inf", "1e300d", "00:10:00"])
def test_what_is_no_duration_is_refused_with_the_right_form(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HARKARA_SILENCE", text)
    with pytest.raises(SystemExit, match="HARKARA_SILENCE: must be a duration such as 90s, 10m, 2h, 1d or 15") as error:
        settings()
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("HARKARA_SILENCE", "0", "greater than 0 seconds"),
        ("HARKARA_GAP", "-1s", "greater than or equal to 0 seconds"),
        ("HARKARA_LEASE", "0.5", "greater than or equal to 1 second"),
        ("PORT", "70000", "less than or equal to 65535"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_the_limit(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, rule: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SystemExit, match=f"^The settings are not understood. {name}: Input should be {rule}$"):
        settings()


def test_the_two_timeouts_of_a_post_have_a_common_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARKARA_READ_TIMEOUT", "10m")
    with pytest.raises(SystemExit, match=r"together must not exceed 10m, and are 603\.05s"):
        settings()


@pytest.mark.parametrize(("name", "value"), [("USER_HEADER", "X-Forwarded-User"), ("PROXIES", "10.0.0.0/8")])
def test_a_header_with_a_user_and_its_proxies_belong_together(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"HARKARA_CONSOLE_{name}", value)
    with pytest.raises(SystemExit, match="set both HARKARA_CONSOLE_USER_HEADER and HARKARA_CONSOLE_PROXIES"):
        settings()


def test_a_list_of_tokens_is_refused_without_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARKARA_LANE_TOKENS", "live_secret")
    with pytest.raises(SystemExit, match="HARKARA_LANE_TOKENS: must be lane:token,lane:token") as error:
        settings()
    assert "live_secret" not in str(error.value)


def test_an_empty_value_means_the_default_except_for_quiet_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(variable(name), "")
    assert settings().lease == timedelta(seconds=10)
    assert settings().redis_url is None
    assert settings().api_tokens == {}
    assert settings().quiet_hours == ""


def test_quiet_hours_have_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().quiet_hours == "20:00-09:00"
    monkeypatch.setenv("HARKARA_QUIET_HOURS", "21:00-08:00")
    assert settings().quiet_hours == "21:00-08:00"


@pytest.mark.parametrize("prefix", ["", "HARKARA_"])
def test_the_urls_of_the_services_have_two_names(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv(f"{prefix}REDIS_URL", "redis://here/0")
    monkeypatch.setenv(f"{prefix}DATABASE_URL", "postgresql://here/harkara")
    assert settings().broker_url == "redis://here/0"
    assert settings().ledger_url == "postgresql://here/harkara"


def test_without_urls_the_ledger_is_a_file_and_redis_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARKARA_VAR", "/srv/harkara")
    assert settings().ledger_url == "sqlite:////srv/harkara/harkara.db"
    with pytest.raises(SystemExit, match="set HARKARA_REDIS_URL"):
        _ = settings().broker_url


def test_a_run_on_parts_of_its_own_inherits_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {*map(variable, Settings.model_fields), "REDIS_URL", "DATABASE_URL", "SANDBOX_PORT", "FLOWER_PORT"}
    for name in names:
        monkeypatch.setenv(name, "of the deployment")
    assert bare_environment().keys() & names == set()
    assert bare_environment()["HARKARA_ENV_FILE"] == os.devnull


def test_a_lane_of_the_file_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    file = tmp_path / "lanes.toml"
    file.write_text('[shop]\ngap = "2s"\n')
    assert read_lane_settings(file)["shop"].gap == timedelta(seconds=2)
    file.write_text('[shop]\ngap = "soon"\n')
    with pytest.raises(Invalid, match=r"lanes\.toml, shop\.gap: must be a duration such as 90s"):
        read_lane_settings(file)


def test_a_lane_knows_its_own_number(tmp_path: Path) -> None:
    file = tmp_path / "lanes.toml"
    file.write_text('[shop]\nnumber = "98765 00001"\n[office]\n')
    tokens = {name: SecretStr(name) for name in ("shop", "office", "default")}
    options: dict[str, Any] = {"_env_file": None, "lanes_file": file, "lane_tokens": tokens}
    found = lanes(Settings(**options, number="+91 98765 00002"))
    assert {name: lane.number for name, lane in found.items()} == {
        "shop": "919876500001",
        "office": None,
        "default": "919876500002",
    }
    with pytest.raises(SystemExit, match=r"^Lane default: number: is too short"):
        lanes(Settings(**options, number="12"))
    with pytest.raises(SystemExit, match=r"^Lane default: number: can be read as two numbers; write it with \+"):
        lanes(Settings(**options, number="6581123456"))


def test_a_template_for_closed_windows_that_no_template_can_be_called_stops_the_start() -> None:
    with pytest.raises(SystemExit, match=r"^Lane default: name: 1 to 60 of a-z"):
        lanes(Settings(_env_file=None, chatmitra_api_token=SecretStr("token"), reengage="Write to us!"))


TOKENS = {
    "CHATMITRA_API_TOKEN": "{}",
    "HARKARA_METRICS_TOKEN": "{}",
    "HARKARA_API_TOKENS": "shop:{}",
    "HARKARA_LANE_TOKENS": "shop:{}",
}
"""Every setting that becomes a header, in its form."""


def tokens_of(found: Settings) -> set[str]:
    single = [found.chatmitra_api_token, found.metrics_token]
    return {
        each.get_secret_value() for each in (*single, *found.api_tokens.values(), *found.lane_tokens.values()) if each
    }


@pytest.mark.parametrize("name", TOKENS)
def test_the_line_end_of_a_mounted_secret_is_no_part_of_a_token(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, TOKENS[name].format("live:token") + "\r\n")
    assert tokens_of(settings()) == {"live:token"}


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize(
    ("token", "rule"),
    [
        ("swordfish\nx", "has a control character inside, such as a line end"),
        ("sword fish", "cannot be an HTTP header: character 6 of 10 is a space"),
        ("swördfish", "cannot be an HTTP header: character 3 of 9 is not ASCII"),
        ("Bearer swordfish", "must be the token alone, without `Bearer`"),
        ('"swordfish"', "has quotation marks"),
    ],
)
def test_a_token_that_cannot_be_a_header_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, token: str, rule: str
) -> None:
    monkeypatch.setenv(name, TOKENS[name].format(token))
    with pytest.raises(SystemExit) as error:
        settings()
    assert str(error.value).startswith(f"The settings are not understood. {name}: {rule}")
    assert "fish" not in str(error.value)


@pytest.mark.parametrize("name", ["CHATMITRA_WEBHOOK_SECRET", "HARKARA_CALLBACK_SECRET"])
def test_a_secret_has_no_line_end(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, " नमस्ते\n")
    found = settings().chatmitra_webhook_secret or settings().callback_secret
    assert found is not None
    assert found.get_secret_value() == "नमस्ते"


@pytest.mark.parametrize("name", ["CHATMITRA_API_URL", "HARKARA_CALLBACK_URL"])
@pytest.mark.parametrize(
    "url",
    ["app.example.com", "ftp://example.com", "https://", "https://a b/", "https://example.com:x/", "https://ex..com/"],
)
def test_a_url_without_a_host_or_scheme_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(SystemExit, match=f"{name}: must be a full URL in ASCII"):
        settings()


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("HARKARA_API_TOKENS", "shop:one,shop:two", "with each name once"),
        ("HARKARA_API_TOKENS", "The Shop:one", "a name has 1 to 40 of a-z, 0-9, _ and -"),
        ("HARKARA_LANE_TOKENS", "a/b:one", "a name has 1 to 40 of a-z, 0-9, _ and -"),
        ("HARKARA_TRUSTED_PROXIES", "proxy.internal", r"must be \* or IP addresses and networks"),
        ("HARKARA_CONSOLE_PROXIES", "*", r"\* would believe everyone"),
        ("HARKARA_CONSOLE_USER_HEADER", "X Forwarded", "must be the name of a header"),
        ("HARKARA_METRICS_PORT", "99999", "less than or equal to 65535"),
        ("HARKARA_DATABASE_URL", "mysql://localhost/harkara", "must begin with postgresql:// or sqlite:///"),
        ("HARKARA_DATABASE_URL", "var/harkara.db", "must begin with postgresql:// or sqlite:///"),
        ("HARKARA_DATABASE_URL", "postgresql://harkara:a/b@localhost/harkara", "has no number as its port"),
        ("HARKARA_DATABASE_URL", "postgresql://harkara@a:5432,b:port/harkara", "has no number as its port"),
        (
            "HARKARA_DATABASE_URL",
            "postgresql://harkara:a@b@localhost/harkara",
            "write special characters of the password as %40 for @",
        ),
        ("HARKARA_DATABASE_URL", "postgresql://harkara:1/a@localhost/harkara", "%2F for /"),
        ("HARKARA_DATABASE_URL", "postgresql://harkara:1?a@localhost/harkara", "%3F for ?"),
        ("HARKARA_DATABASE_URL", "postgresql://harkara:1#a@localhost/harkara", "%23 for #"),
        ("HARKARA_DATABASE_URL", "postgresql://harkara:50%off@localhost/harkara", "%25 for %"),
        ("HARKARA_DATABASE_URL", "sqlite://harkara.db", "must be sqlite:/// and the path of a file"),
        ("HARKARA_DATABASE_URL", "sqlite://", "must be sqlite:/// and the path of a file"),
        (
            "DATABASE_URL",
            "postgresql+asyncpg://db/harkara",
            r"names the driver asyncpg, .*: write postgresql:// without",
        ),
        ("DATABASE_URL", "postgres+psycopg://db/harkara", "write postgres:// without a driver"),
        ("DATABASE_URL", "sqlite+aiosqlite:///harkara.db", "write sqlite:// without a driver"),
        ("DATABASE_URL", "sqlite:///no/such/harkara.db", "the folder no/such does not exist"),
    ],
)
def test_what_no_request_could_use_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, rule: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SystemExit, match=f"{name}: .*{rule}"):
        settings()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://harkara@db:5432/harkara?sslmode=require",
        "postgres://db/harkara",
        "postgresql://harkara:secret@a:5432,[::1]:5433,c/harkara?target_session_attrs=any",
        "postgresql://harkara@/harkara?host=a:5432&host=b:5433",
        "sqlite:///harkara.db",
        "sqlite:////tmp/harkara.db",
        "sqlite:///file:/tmp/harkara.db?mode=ro&uri=true",
    ],
)
def test_a_url_that_the_ledger_understands_is_accepted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HARKARA_DATABASE_URL", f" {url}\n")
    assert settings().ledger_url == url


def test_a_file_of_variables_that_is_named_and_absent_stops_the_start(tmp_path: Path) -> None:
    """Otherwise a wrong path would mean the defaults, with another ledger and other lanes."""
    with pytest.raises(SystemExit, match=r"HARKARA_ENV_FILE: .*absent\.env does not exist"):
        check_env_file(str(tmp_path / "absent.env"))


def test_a_wrong_file_names_line_and_key_but_no_value(tmp_path: Path) -> None:
    file = tmp_path / "lanes.toml"
    file.write_text('# Lanes\n[shop]\nallowance = """\n20/60s"""\n\n[office]\ngap = "soon"\n')
    with pytest.raises(Invalid, match=r"lanes\.toml, office\.gap: must be a duration .*\(line 7\)$"):
        read_lane_settings(file)
    file.write_text("[shop]\nnumber = 98765 swordfish\n")
    with pytest.raises(Invalid, match=r"lanes\.toml, number: cannot be read as TOML: .*line 2") as error:
        read_lane_settings(file)
    assert "swordfish" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("HARKARA_ALOWANCE", "did you mean HARKARA_ALLOWANCE?"),
        ("HARKARA_API_TOKEN", "did you mean HARKARA_API_TOKENS?"),
        ("CHATMITRA_TOKEN", "did you mean CHATMITRA_API_TOKEN?"),
        ("HARKARA_CHATMITRA_API_URL", "did you mean CHATMITRA_API_URL?"),
        ("HARKARA_ZZZ", "docs/reference/settings.md lists all"),
    ],
)
def test_a_name_that_is_no_setting_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, near: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"{name}=swordfish\n")
    with pytest.raises(SystemExit) as of_file:
        read_settings((file,))
    monkeypatch.setenv(name, "swordfish")
    with pytest.raises(SystemExit) as of_environment:
        settings()
    assert str(of_file.value) == str(of_environment.value)
    assert str(of_file.value) == f"The settings are not understood. {name}: is no setting; {near}"


def test_the_variables_of_a_service_in_kubernetes_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8000_TCP", "PORT_8000_TCP_ADDR"):
        monkeypatch.setenv(f"HARKARA_WEB_{name}", "tcp://10.0.0.7:8000")
    assert settings().port == 8000


@pytest.mark.parametrize("line", ["HARKARA_LEASE 20s", "HARKARA_LEASE"])
def test_a_broken_line_of_the_env_file_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# Settings\n{line}\n")
    with pytest.raises(SystemExit, match=r"^\.env, line 2: is not NAME=value$"):
        read_settings((file,))


def test_every_file_of_the_settings_is_read_by_the_doctor() -> None:
    assert readers(Settings(_env_file=None)).keys() == {
        name for name in Settings.model_fields if name.endswith("_file")
    }


@pytest.mark.parametrize("name", [each for each in Settings.model_fields if each.endswith("_file")])
def test_a_file_that_cannot_be_looked_at_is_named_and_is_not_missing(name: str, tmp_path: Path) -> None:
    """As one in a folder that this user may not enter, which root may."""
    changed = Settings(_env_file=None, **{name: tmp_path / ("f" * 300)})  # type: ignore[arg-type]
    with pytest.raises((Invalid, SystemExit), match=r"f{300}: cannot be read: File name too long"):
        readers(changed)[name]()


def test_rows_of_messages_are_kept_unless_a_number_of_days_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().history_seconds is None
    monkeypatch.setenv("HARKARA_HISTORY_DAYS", "")
    assert settings().history_seconds is None
    monkeypatch.setenv("HARKARA_HISTORY_DAYS", "400")
    assert settings().history_seconds == 400 * 86_400


def test_a_history_shorter_than_the_retention_is_refused_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARKARA_RETENTION_DAYS", "180")
    monkeypatch.setenv("HARKARA_HISTORY_DAYS", "179")
    with pytest.raises(SystemExit, match=r"HARKARA_HISTORY_DAYS: is 179, less than HARKARA_RETENTION_DAYS \(180\)"):
        settings()
    monkeypatch.setenv("HARKARA_HISTORY_DAYS", "180")
    assert settings().history_days == 180
