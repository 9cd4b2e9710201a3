"""Each room knows only the rooms that it may know, and the outside only through the wall that is meant for it."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT = {
    "harkara": set[str](),
    "config": {"harkara"},
    "tasks": {"harkara", "config"},
    "workers": {"harkara", "config", "tasks", "sandbox"},
    "sandbox": set[str](),
}
HTTP = {"http.client", "urllib3", "urllib3.connection", "urllib3.exceptions", "urllib.request", "httpx", "aiohttp"}
SQL = {"sqlalchemy", "sqlmodel", "alembic", "psycopg", "sqlite3"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_go_one_way(room: str) -> None:
    strangers = MAY_IMPORT.keys() - MAY_IMPORT[room] - {room}
    assert [f"{path}: {name}" for path, name in imports(room) if top(name) in strangers] == []


def test_only_config_reads_the_environment() -> None:
    """The stand-in, a program of its own, has settings of its own."""
    readers = {path for room in MAY_IMPORT for path in sources(room) if reads_environment(path)}
    assert {path for path in readers if path.parts[0] != "config"} == {Path("sandbox/settings.py")}


def test_only_the_wall_to_chatmitra_knows_requests() -> None:
    users = {path for room in MAY_IMPORT for path, name in imports(room) if top(name) == "requests"}
    assert users == {Path("harkara/chatmitra/api.py")}


def test_only_the_walls_speak_http() -> None:
    """The stand-in and the demo are outsiders themselves."""
    users = {path for room in ("harkara", "config", "tasks") for path, name in imports(room) if name in HTTP}
    chatmitra, application = Path("harkara/chatmitra/api.py"), Path("harkara/callbacks/endpoint.py")
    assert users == {chatmitra, application, Path("harkara/connections.py")}


def test_only_the_ledger_speaks_sql() -> None:
    speakers = {path for room in MAY_IMPORT for path, name in imports(room) if top(name) in SQL}
    assert speakers
    assert {path for path in speakers if not path.is_relative_to("harkara/ledger")} == set()


def test_a_producer_loads_neither_http_client_nor_redis_nor_database_nor_celery() -> None:
    heavy = ["requests", "redis", "sqlmodel", "sqlalchemy", "fastapi", "celery"]
    script = f"import sys, harkara; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_wheel_holds_harkara_alone(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"harkara"}
    assert "harkara/ledger/migrations/script.py.mako" in names
    assert "harkara/gateway/static/swagger-ui-bundle.js" in names


def sources(room: str) -> Iterator[Path]:
    """Every module of a room, relative to the root."""
    return (path.relative_to(ROOT) for path in sorted((ROOT / room).rglob("*.py")))


def imports(room: str) -> Iterator[tuple[Path, str]]:
    """Every import in a room, also those inside functions: where it stands and what it names."""
    for path in sources(room):
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield path, node.module or "."


def reads_environment(path: Path) -> bool:
    nodes = list(ast.walk(ast.parse((ROOT / path).read_text())))
    words = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    words |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    return bool(words & {"environ", "environb", "getenv", "BaseSettings"})


def top(name: str) -> str:
    return name.partition(".")[0]
