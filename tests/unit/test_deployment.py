"""The files around the code agree with the code and with each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from honcho.environ import parse_procfile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import SecretStr

from config.lane_settings import LaneSettings
from config.lanes import lanes
from config.settings import Settings, variable
from harkara.backends.broker import QUEUES
from harkara.limits import HORIZON
from workers.local import keep

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROCESSES: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETTINGS = {variable(name): field for name, field in Settings.model_fields.items()}

LOCKS = {
    "build": "requirements.lock",
    "dev": "requirements-dev.lock",
    "bench": "requirements-bench.lock",
    "browser": "requirements-browser.lock",
    "docs": "requirements-docs.lock",
}
"""What each lock pins besides the runtime: a dependency group."""

MAKE = ["bench", "chaos", "check", "clean", "demo", "docs", "fmt", "help", "lock", "test", "test-browser", "up"]
PASSWORDS = {"REDIS_PASSWORD": "r", "POSTGRES_PASSWORD": "p", "FLOWER_BASIC_AUTH": "user:password"}


# .env.example and the settings


def test_the_example_shows_every_setting_with_its_description_and_default() -> None:
    missing = []
    for name, field in SETTINGS.items():
        entry = f"{name}={shown(field.get_default(call_default_factory=True))}\n"
        if not any(f"\n# {field.description}\n{mark}{entry}" in example() for mark in ("#", "")):
            missing.append(f"# {field.description}\n#{entry}")
    assert missing == []


def test_the_example_names_only_what_somebody_reads() -> None:
    read = SETTINGS.keys() | {name for file in ("docker-compose.yml", "Procfile") for name in interpolated(file)}
    named = set(re.findall(r"^#?([A-Z_]+)=", example(), re.MULTILINE))
    assert {name for name in named - read if not name.startswith("FLOWER_")} == set()
    assert read - named == set()


def test_the_lanes_example_is_understood_and_shows_every_key() -> None:
    file = ROOT / "config" / "lanes.example.toml"
    tables = tomllib.loads(file.read_text())
    tokens = {name: SecretStr("token") for name in tables}
    settings = Settings(_env_file=None, lanes_file=file, lane_tokens=tokens)
    assert lanes(settings).keys() >= tables.keys()
    assert {key for table in tables.values() for key in table} == LaneSettings.model_fields.keys()


# Processes


def test_the_procfile_holds_every_process_and_compose_runs_the_same() -> None:
    assert list(PROCESSES) == ["web", "worker", "beat", "flower"]
    for name, command in PROCESSES.items():
        assert command.split(" --")[0] == " ".join(COMPOSE["services"][name]["command"])


@pytest.mark.parametrize(
    "command", [*PROCESSES.values(), *(" ".join(s.get("command", "")) for s in COMPOSE["services"].values())]
)
def test_every_command_names_a_module_that_is_there(command: str) -> None:
    for module in re.findall(r"-(?:m|A) (\S+)", command):
        assert find_spec(module)


def test_a_worker_consumes_every_queue_on_threads_and_every_task_has_its_queue(worker: dict[str, Any]) -> None:
    assert worker["pool"] == "threads"
    own, *shared = worker["queues"]
    assert shared == list(QUEUES)
    assert own.startswith("harkara.own."), "by which it feels its pulse"
    assert set(worker["tasks"]) == worker["routes"].keys() | {"harkara.pulse"}
    assert {route["queue"] for route in worker["routes"].values()} <= set(QUEUES)


@pytest.fixture(scope="module")
def worker() -> dict[str, Any]:
    """The app as `celery -A workers.sender` finds it, in a process of its own: importing it takes the settings."""
    script = """
import json
from workers.sender import app
app.loader.import_default_modules()
print(json.dumps({
    "pool": app.conf.worker_pool,
    "queues": list(app.amqp.queues),
    "routes": app.conf.task_routes,
    "tasks": sorted(name for name in app.tasks if not name.startswith("celery.")),
}))
"""
    environment = os.environ | {"HARKARA_REDIS_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts | {"tasks": set(facts["tasks"])}


# docker compose


def test_the_compose_file_fits_the_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_docker_compose_accepts_the_file_and_misses_a_password() -> None:
    command = docker_compose()
    if command is None:
        pytest.skip("no Docker Compose 2 on this machine")
    config = [*command, "--profile", "sandbox", "config", "--quiet"]
    assert subprocess.run(config, cwd=ROOT, env=os.environ | PASSWORDS).returncode == 0
    missing = subprocess.run(config, cwd=ROOT, env=os.environ | PASSWORDS | {"REDIS_PASSWORD": ""}, capture_output=True)
    assert b"REDIS_PASSWORD" in missing.stderr


def test_compose_refers_only_to_what_it_defines() -> None:
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
def test_compose_sets_only_what_its_processes_read(name: str) -> None:
    assert name in SETTINGS or name.startswith(("FLOWER_", "POSTGRES_", "SANDBOX_")) or name == "REDISCLI_AUTH"


def test_compose_opens_ports_on_this_machine_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_flower_listens_beyond_its_own_machine_only_with_a_password() -> None:
    """Its pages could shut workers down."""
    given = COMPOSE["services"]["flower"]["environment"]
    assert given["FLOWER_ADDRESS"] == "0.0.0.0"
    assert given["FLOWER_BASIC_AUTH"].startswith("${FLOWER_BASIC_AUTH:?")
    assert PROCESSES["flower"].endswith("--address=${FLOWER_ADDRESS:-127.0.0.1}")


def test_a_stopped_worker_has_time_for_its_longest_send() -> None:
    grace = COMPOSE["services"]["worker"]["stop_grace_period"]
    until_recorded = 10
    assert (
        int(grace.removesuffix("s")) > HORIZON + Settings(_env_file=None).post_timeout.total_seconds() + until_recorded
    )


def test_the_image_is_given_every_file_that_it_copies() -> None:
    copied = re.findall(r"^COPY ((?!--from).*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    let_in = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert {name for names in copied for name in names.split()} == set(let_in)


# make, locks, releases


def test_make_help_names_every_target() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(re.findall(r"^make (\S+) +\S", done.stdout, re.MULTILINE)) == MAKE


def test_ci_runs_the_checks_then_the_tests() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    assert re.findall(r"^make .*$", run.read_text(), re.MULTILINE) == ["make check", "make docs", "make test"]


@pytest.mark.parametrize("file", LOCKS.values())
def test_a_lock_pins_by_hash_and_names_no_host(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not re.search(r"://|^-|\bindex-url\b|\bfind-links\b", text, re.MULTILINE)
    for entry in re.split(r"\n(?=\S)", text):
        assert re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", entry, re.DOTALL), entry


@pytest.mark.parametrize("group", LOCKS)
def test_a_lock_satisfies_the_project_and_holds_all_of_the_runtime(group: str) -> None:
    locked = pins(LOCKS[group])
    assert pins("requirements.lock").items() <= locked.items()
    for wanted in [*PROJECT["project"]["dependencies"], *members(group)]:
        requirement = Requirement(wanted)
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), f"{wanted}: run make lock"


def test_the_changelog_knows_this_version() -> None:
    assert f"\n## {PROJECT['project']['version']} - " in (ROOT / "CHANGELOG.md").read_text()


# How the files are read


def example() -> str:
    return (ROOT / ".env.example").read_text()


def shown(default: Any) -> str:
    """A default as it is written into .env."""
    if default is None or default == {}:
        return ""
    if isinstance(default, timedelta):
        return duration(default.total_seconds())
    if isinstance(default, Path):
        return str(default.relative_to(ROOT))
    return f"{default:g}" if isinstance(default, float) else str(default)


def duration(seconds: float) -> str:
    """A duration in the largest unit that shows it as a whole number, or in seconds."""
    units = {"d": 86_400, "h": 3600, "m": 60}
    whole = next((unit for unit, size in units.items() if seconds and seconds % size == 0), "s")
    return f"{seconds / units.get(whole, 1):g}{whole}"


def interpolated(file: str) -> Iterator[str]:
    return (match[1] for match in re.finditer(r"\$\{([A-Z_]+)", (ROOT / file).read_text()))


def docker_compose() -> list[str] | None:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            version = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
            if version.stdout.lstrip("v").startswith("2."):
                return command
    return None


def pins(file: str) -> dict[str, str]:
    """Version by name; extras do not count."""
    return dict(re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==(\S+)", (ROOT / file).read_text(), re.MULTILINE))


def members(group: str) -> Iterator[str]:
    for member in PROJECT["dependency-groups"][group]:
        yield from members(member["include-group"]) if isinstance(member, dict) else [member]


def test_what_holds_secrets_of_a_local_run_is_for_this_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    file.write_text("{}")
    file.chmod(0o644)
    keep(file, '{"Web token": "secret"}')
    assert (file.stat().st_mode & 0o777, file.read_text()) == (0o600, '{"Web token": "secret"}')
    assert list(tmp_path.iterdir()) == [file]
