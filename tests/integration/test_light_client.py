"""`pip install harkara` is a client: what a wheel brings with it, and what its import loads."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PACKAGES, MEGABYTES = 20, 40
SERVER = "harkara.ledger", "harkara.gateway", "harkara.delivery", "harkara.chatmitra", "harkara.webhooks"


def installed() -> set[str]:
    """The packages that the project installs without extras, with what they need themselves."""
    found: set[str] = set()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(each) for each in project["dependencies"]]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name not in found and (not requirement.marker or requirement.marker.evaluate({"extra": ""})):
            found.add(name)
            wanted += [Requirement(each) for each in distribution(name).requires or []]
    return found


def size(package: str) -> int:
    """Bytes of a package's files, without the bytecode that Python writes beside them."""
    files = (Path(str(each.locate())) for each in distribution(package).files or [] if each.suffix != ".pyc")
    return sum(file.stat().st_size for file in files if file.exists())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `pip install harkara` installs, and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    for package in installed():
        for each in distribution(package).files or []:
            place = folder / each.parts[0]
            if each.parts[0] != ".." and not place.exists():
                place.symlink_to(str(distribution(package).locate_file(each.parts[0])))
    return folder


def python(site: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that sees the standard library and the folder alone."""
    script = f"import sys; sys.path.append({str(site)!r})\n{code}"
    return subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True)


def test_the_client_brings_few_packages_and_megabytes(wheel: Path) -> None:
    packages = installed()
    own = sum(each.file_size for each in zipfile.ZipFile(wheel).infolist())
    assert len(packages) + 1 <= PACKAGES
    assert (sum(map(size, packages)) + own) / 1e6 <= MEGABYTES


@pytest.mark.parametrize(
    ("code", "libraries"),
    [
        ("import harkara", set()),
        ("from harkara import Client", set()),
        ("from harkara import AsyncClient", set()),
        (
            "from harkara import Text; Text('Hello')",
            {"phonenumbers", "pydantic", "pydantic_core", "regex", "uuid_utils"},
        ),
    ],
)
def test_an_import_loads_only_what_it_needs(site: Path, code: str, libraries: set[str]) -> None:
    """These imports load no module of another package but those that pydantic needs itself."""
    done = python(site, f"{code}\nprint(*sys.modules)")
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
    others = {name for name in loaded if not name.startswith("_")}  # of Python's build: _sysconfigdata…
    assert others - {"harkara", "annotated_types", "typing_extensions", "typing_inspection"} == libraries


def test_an_occasion_is_validated_without_babel(site: Path) -> None:
    code = f"""
from datetime import UTC, datetime
from pathlib import Path
from harkara import Catalogue, Invalid
from harkara.occasions import Occasion, ReminderPlan, Rules
config = Path({str(ROOT / "config")!r})
plan = ReminderPlan(Rules.load(config / "reminders.toml"), Catalogue.load(config / "templates.toml"), {{}})
texts = {{"doctor": "Dr Rao", "place": "Room 4", "duration": "20 minutes", "helpline": "080 4000 1234"}}
def validate(parameters):
    plan.validate_occasion(Occasion(kind="appointment", reference="visit-8", lane="default", producer="shop",
        to="919876543210", at=datetime(2027, 3, 24, 5, tzinfo=UTC), zone="Asia/Kolkata", parameters=parameters))
validate(texts)
try:
    validate({{"doctor": "Dr Rao"}})
except Invalid as error:
    print(error)
assert "babel" not in sys.modules
"""
    done = python(site, code)
    assert "is missing" in done.stdout, done.stderr


def test_the_modules_of_a_client_of_redis_need_no_server(site: Path) -> None:
    code = """
from harkara import Client
import harkara.backends.redis, harkara.connections, harkara.published.store, harkara.intake.occasion_verbs
import harkara.occasions.plan, harkara.inbound.contact, harkara.people.names
assert "babel" not in sys.modules and "celery" not in sys.modules
Client("redis://127.0.0.1:6379/0").close()
"""
    done = python(site, code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "statement", [*(f"import {each}" for each in SERVER), "harkara.Client(database_url='sqlite://')"]
)
def test_what_needs_the_server_names_the_command_that_installs_it(site: Path, statement: str) -> None:
    done = python(site, f"import harkara\n{statement}")
    assert done.stderr.splitlines()[-1].endswith("needs the libraries of the server: pip install 'harkara[server]'")


def test_the_version_is_that_of_the_metadata_and_the_command_prints_it(site: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    code = "import harkara, harkara.__main__; sys.argv[1:] = ['--version']; harkara.__main__.main()"
    assert python(site, code).stdout == f"harkara {version}\n"
    assert python(site, "import harkara; print(harkara.__version__)").stdout == f"{version}\n"


def test_the_wheel_is_typed_and_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    assert "harkara/py.typed" in archive.namelist()
    (file,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = message_from_bytes(archive.read(file))
    assert {"Author", "Keywords", "Classifier", "License-Expression", "Summary"} <= set(metadata.keys())
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert "server" in metadata.get_all("Provides-Extra", [])
