"""The units of deploy/systemd: systemd accepts them, they run what the Procfile runs, and they are confined."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from honcho.environ import parse_procfile

from config.environment import ROOT
from config.settings import Settings, variable
from harkara.limits.limiter import HORIZON
from workers.exit_status import WRONG_SETTING
from workers.web import STOP_SECONDS

FOLDER = ROOT / "deploy" / "systemd"
INSTALLED = "/opt/harkara/.venv/bin/"
PROCESSES: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes
SERVICES = sorted(FOLDER.glob("*.service"))
COMMON = (FOLDER / "harkara-.service.d" / "common.conf").read_text()

MOST_EXPOSURE = 1.5
"""Of 10, by the weights of systemd 252; without any hardening a service has 9.6."""


class UnitParser(configparser.RawConfigParser):
    """Of a directive that is repeated, such as Environment=, the last is enough here."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(path: Path) -> dict[str, dict[str, str]]:
    parser = UnitParser(strict=False, interpolation=None)
    parser.read(path)
    return {section: dict(parser[section]) for section in parser.sections()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units with the programs of this environment, where systemd finds them."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    for file in folder.glob("*.service"):
        file.write_text(file.read_text().replace(INSTALLED, f"{Path(sys.executable).parent}/"))
    return folder


def analyze(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:/usr/lib/systemd/system:/lib/systemd/system"}
    return subprocess.run(["systemd-analyze", *words], env=environment, capture_output=True, text=True)


def test_systemd_understands_every_unit(installed: Path) -> None:
    units = [str(file) for file in sorted(installed.iterdir()) if file.is_file()]
    assert len(units) == len(SERVICES) + 1
    done = analyze(installed, "verify", "--man=no", *units)
    own = [line for line in done.stderr.splitlines() if "harkara" in line or str(installed) in line]
    assert (done.returncode, own) == (0, [])


@pytest.mark.parametrize("name", [file.name.replace("@.", "@1.") for file in SERVICES])
def test_every_service_is_confined(installed: Path, name: str) -> None:
    threshold = f"--threshold={MOST_EXPOSURE * 10:.0f}"
    done = analyze(installed, "security", "--offline=true", "--no-pager", threshold, str(installed / name))
    (found,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert (done.returncode, float(found) <= MOST_EXPOSURE) == (0, True), done.stdout


def test_the_units_run_the_lines_of_the_procfile_and_the_migration() -> None:
    commands = {
        file.stem.removeprefix("harkara-").rstrip("@"): unit(file)["Service"]["ExecStart"].removeprefix(INSTALLED)
        for file in SERVICES
    }
    assert commands.pop("migrate") == "python -m workers.migrate --wait"
    assert {name: line.split(" --")[0] for name, line in commands.items()} == {
        name: line.split(" --")[0] for name, line in PROCESSES.items()
    }
    assert commands["flower"].endswith("--address=127.0.0.1")


def test_the_target_starts_web_one_worker_and_beat_after_the_migration() -> None:
    wanted = unit(FOLDER / "harkara.target")["Unit"]["Wants"].split()
    assert wanted == ["harkara-web.service", "harkara-worker@1.service", "harkara-beat.service"]
    for name in wanted:
        section = unit(FOLDER / name.replace("@1", "@"))["Unit"]
        assert section["Wants"] == section["After"] == "harkara-migrate.service"
        assert "Requires" not in section, "a new migration must not stop the processes of the release before"


def test_a_process_that_ends_is_started_again_unless_a_setting_is_wrong() -> None:
    common = unit(FOLDER / "harkara-.service.d" / "common.conf")
    assert common["Service"]["RestartPreventExitStatus"] == str(WRONG_SETTING)
    assert common["Unit"]["StartLimitIntervalSec"] == "0", "an outage may last for hours"
    for file in SERVICES:
        service = unit(file)["Service"]
        assert service.get("Restart") == (None if service["Type"] == "oneshot" else "always")


def test_a_stopped_process_has_time_to_end() -> None:
    seconds = int(unit(FOLDER / "harkara-.service.d" / "common.conf")["Service"]["TimeoutStopSec"])
    until_recorded = timedelta(seconds=10)
    longest = timedelta(seconds=HORIZON) + Settings(_env_file=None).post_timeout + until_recorded
    assert timedelta(seconds=seconds) > longest
    assert seconds > STOP_SECONDS


def test_the_variables_of_the_units_are_settings() -> None:
    names = {
        name
        for text in (COMMON, *(file.read_text() for file in SERVICES))
        for name in re.findall(r"^Environment=(\w+)=", text, re.MULTILINE)
    }
    settings = {variable(name) for name in Settings.model_fields}
    assert names - settings == {"HARKARA_ENV_FILE", "PYTHONUNBUFFERED", "FLOWER_READ_ONLY"}
    assert not {name for name in names if re.search("TOKEN|SECRET|URL|KEY", name)}
