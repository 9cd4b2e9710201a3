"""A worker builds the assistant only where a lane has it, and anew when the files change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.ledger import migrated
from harness.valkey import ValkeyServer

PROGRAM = """
import sys
from config.settings import settings
from config.wiring.loaded_files import loaded_files
from config.wiring.periodic_threads import periodic_threads
from config.wiring.thinking import finish_turns, start_turns, thinker

periodic_threads()
assert thinker() is None
assert start_turns() == 0
finish_turns()
heavy = {"openai", "numpy", "bm25s", "harkara.assistant.answering", "harkara.assistant.check"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()

rules, found = settings().assistant_file, []
for content in ('lanes = ["default"]', 'lanes = ["default"]\\nshare = 0.5', ""):
    rules.write_text(content)
    loaded_files().reload()
    found.append(thinker())
    assert found[-1] is thinker()
first, second, third = found
assert first is not None and second is not None and third is None and first is not second
"""


def test_the_assistant_is_built_only_where_a_lane_has_it_and_anew_for_each_load(
    tmp_path: Path, valkey_server: ValkeyServer
) -> None:
    settings = {
        "HARKARA_REDIS_URL": valkey_server.url,
        "HARKARA_DATABASE_URL": migrated(f"sqlite:///{tmp_path / 'harkara.db'}"),
        "HARKARA_VAR": str(tmp_path),
        "HARKARA_ASSISTANT_FILE": str(tmp_path / "assistant.toml"),
        "CHATMITRA_API_TOKEN": "test-token",
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | settings, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
