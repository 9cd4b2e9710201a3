"""What a producer installs and imports: `harkara` alone, and nothing heavy."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from config.environment import process_environment
from harness.process import ROOT


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
    console = {"static/pico.min.css", "static/htmx.min.js", "templates/frame.html", "locales/hi/frame.po"}
    assert {f"harkara/console/{name}" for name in console} <= {*names}


def test_importing_the_worker_loads_neither_numpy_nor_the_retrieval() -> None:
    script = "import sys, workers.sender\nprint([name for name in ('bm25s', 'numpy') if name in sys.modules])"
    environment = process_environment() | {"HARKARA_REDIS_URL": "redis://127.0.0.1:1/0"}
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
