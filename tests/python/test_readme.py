"""The programs in README.md run as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def programs() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


def run(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_the_quickstart_runs(tmp_path: Path) -> None:
    quickstart, _, _ = programs()
    printed = run("-c", quickstart, cwd=tmp_path)
    assert printed.startswith("1000 records\n")
    assert "orders" in printed


def test_the_transactions_run(tmp_path: Path) -> None:
    _, transactions, _ = programs()
    assert run("-c", transactions, cwd=tmp_path) == "[b'1200', b'3000']\n"


def test_the_test_with_the_fixtures_passes(tmp_path: Path) -> None:
    _, _, test = programs()
    (tmp_path / "test_orders.py").write_text(test)
    assert "1 passed" in run("-m", "pytest", "-q", "-W", "error", cwd=tmp_path)
