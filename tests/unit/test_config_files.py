"""The files of `config/` are read again as a whole: all of them are used, or the former ones stay."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.environment import ROOT
from config.files import ConfigFiles, LoadedFiles, paths
from config.settings import Settings

FILES = [
    "lanes.toml",
    "reminders.toml",
    "templates.toml",
    "words.toml",
    "playbook.toml",
    "goals.toml",
    "prices.toml",
    "assistant.toml",
    "faq.toml",
    "synonyms.toml",
]
LANES = '[default]\nallowance = "{}"\nquiet_hours = "{}"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of a deployment that has not changed them."""
    for file in (ROOT / "config").glob("*.toml"):
        if "example" not in file.name and file.name not in ("lanes.toml", "templates.local.toml"):
            shutil.copy(file, tmp_path)
    (tmp_path / "templates.local.toml").touch()
    return tmp_path


@pytest.fixture
def loaded(folder: Path) -> LoadedFiles:
    settings = Settings(
        _env_file=None,
        chatmitra_api_token=SecretStr("token"),
        config=folder,
        lanes_file=folder / "lanes.toml",
        reminders_file=folder / "reminders.toml",
        templates_file=folder / "templates.local.toml",
        words_file=folder / "words.toml",
        playbook_file=folder / "playbook.toml",
        goals_file=folder / "goals.toml",
        prices_file=folder / "prices.toml",
        assistant_file=folder / "assistant.toml",
        faq_file=folder / "faq.toml",
        synonyms_file=folder / "synonyms.toml",
    )
    return LoadedFiles(lambda: ConfigFiles.load(settings), folder / ".env")


def test_without_a_change_the_same_files_stay_in_use(loaded: LoadedFiles) -> None:
    before = loaded.current
    assert loaded.reload() == []
    assert loaded.current is before


@pytest.mark.parametrize("span", ["20.30-09.00", "20:00+05:30-09:00", "8-9"])
def test_quiet_hours_that_python_reads_as_other_hours_are_refused(loaded: LoadedFiles, folder: Path, span: str) -> None:
    (folder / "lanes.toml").write_text(LANES.format("7/60s", span))
    with pytest.raises(SystemExit, match="quiet hours must be empty or a time span such as 20:00-09:00"):
        loaded.reload()


def test_a_new_lanes_file_changes_limit_and_hours_of_lane_and_reminders(loaded: LoadedFiles, folder: Path) -> None:
    (folder / "lanes.toml").write_text(LANES.format("7/60s", "22:00-06:00"))
    assert loaded.reload() == ["lanes.toml"]
    lane = loaded.current.lanes["default"]
    assert str(lane.allowance) == "7/60s"
    assert loaded.current.plan.hours["default"].quiet == lane.quiet_hours
    (folder / "lanes.toml").unlink()
    assert loaded.reload() == ["lanes.toml"]
    assert str(loaded.current.lanes["default"].allowance) == "20/60s"


def test_each_file_is_read_again(loaded: LoadedFiles, folder: Path) -> None:
    former = loaded.current
    edit(folder / "reminders.toml", '[kind.appointment."-2h"]', '[kind.appointment."-3h"]')
    (folder / "templates.local.toml").write_text('[kind.visit]\ncategory = "utility"\nwhen = "After a visit."\n')
    edit(folder / "words.toml", '"stop all",', '"stop all", "enough now",')
    edit(folder / "playbook.toml", "tries = ", "tries = 1")
    edit(folder / "goals.toml", "least = 0.98", "least = 0.9")
    edit(folder / "prices.toml", "gst = 18", "gst = 12")
    edit(folder / "assistant.toml", "lanes = []", 'lanes = ["default"]')
    edit(folder / "faq.toml", "12 MG", "14 MG")
    edit(folder / "synonyms.toml", '"parcel"', '"parcel", "box"')
    rules = [
        "faq.toml",
        "goals.toml",
        "playbook.toml",
        "prices.toml",
        "reminders.toml",
        "synonyms.toml",
        "templates.local.toml",
        "words.toml",
    ]
    assert loaded.reload() == ["assistant.toml", *rules]
    assert loaded.current.assistant.lanes == ("default",)
    assert loaded.current.plan.digest("appointment", "default") != former.plan.digest("appointment", "default")
    assert loaded.current.goals.by_name["delivered"].limit == 0.9
    assert "visit" in loaded.current.plan.catalogue.kind
    assert loaded.current.words.interpret("enough now", None, reminder_open=False) is not None
    assert [int(each.prices.gst) for each in (loaded.current, former)] == [12, 18]
    assert former.words.interpret("enough now", None, reminder_open=False) is None


@pytest.mark.parametrize("name", FILES)
def test_a_mistake_in_one_file_changes_nothing_and_names_the_file(loaded: LoadedFiles, folder: Path, name: str) -> None:
    before = loaded.current
    (folder / "templates.local.toml").write_text('[kind.visit]\ncategory = "utility"\nwhen = "After a visit."\n')
    with (folder / name).open("a") as file:
        file.write("\n[broken")
    with pytest.raises(SystemExit, match=name):
        loaded.reload()
    assert loaded.current is before


def test_a_lane_without_a_token_is_refused_since_tokens_are_settings(loaded: LoadedFiles, folder: Path) -> None:
    (folder / "lanes.toml").write_text('[north]\nallowance = "7/60s"\n')
    with pytest.raises(SystemExit, match="HARKARA_LANE_TOKENS"):
        loaded.reload()


def test_a_changed_env_file_is_reported_since_settings_need_a_restart(loaded: LoadedFiles, folder: Path) -> None:
    assert not loaded.restart_needed
    (folder / ".env").write_text("HARKARA_THREADS=32\n")
    assert loaded.reload() == []
    assert loaded.restart_needed


def test_every_file_of_rules_is_reloaded() -> None:
    settings = Settings(_env_file=None)
    files = {name for name in Settings.model_fields if name.endswith("_file")}
    reloaded = {path.name for path in (*paths(settings), settings.templates_file)}
    assert {getattr(settings, name).name for name in files} - reloaded == set()


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
