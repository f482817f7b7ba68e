"""`recsys serve`: a server of its own, from the start to Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress

import pytest
from sqlalchemy import URL

from tests.helpers.commands import fails

HIDE = """
import sys
sys.modules["uvicorn"] = None
from recsys.cli import main
sys.argv = ["recsys", "serve"]
main()
"""


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(server_url: URL, learned_name: str, ends: int) -> None:
    url = server_url.set(database=learned_name).render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-m", "recsys", "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DATABASE_URL": url},
    ) as server:
        try:
            assert server.stderr is not None
            for line in server.stderr:
                if found := re.match(r"Serving (http://127\.0\.0\.1:\d+/) \(read-only\)", line):
                    break
            assert found
            with urllib.request.urlopen(found[1] + "healthz", timeout=60) as answer:
                assert json.load(answer) == {"status": "ok", "model_id": 1}
            server.send_signal(ends)
            log = server.stderr.read()
            assert server.wait(60) in (0, 130, 143, -ends)
        finally:
            with suppress(ProcessLookupError):
                server.kill()
    assert re.search(r"GET /healthz 200 in [\d.]+ ms, of them SQL [\d.]+ ms in \d+ statements", log)
    assert "Traceback" not in log


def test_other_machines_need_a_key() -> None:
    assert "--api-key or RECSYS_API_KEY" in fails("serve", "--host", "0.0.0.0")


def test_without_the_extra_one_line_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HIDE], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr == "recsys: recsys serve needs uvicorn: pip install 'recsys[web]'\n"
