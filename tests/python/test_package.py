"""The package as a whole: what importing it costs, what its texts promise, and its command."""

from __future__ import annotations

import doctest
import importlib
import io
import pickle
import pkgutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import ottla
from ottla import demo

MODULES = [
    "ottla",
    *(f"ottla.{module.name}" for module in pkgutil.iter_modules(ottla.__path__)),
]


def test_importing_the_package_imports_nothing_that_it_may_not_need() -> None:
    script = (
        "import sys; before = set(sys.modules); import ottla; print(*set(sys.modules) - before)"
    )
    output = subprocess.check_output([sys.executable, "-S", "-c", script], text=True, env=path())
    assert set(output.split()) <= {"ottla", "__future__"}


def test_a_broker_and_a_producer_import_nothing_heavy() -> None:
    script = "import sys, ottla; ottla.Broker; ottla.Producer; print(*sys.modules)"
    output = subprocess.check_output([sys.executable, "-S", "-c", script], text=True, env=path())
    heavy = {"asyncio", "dataclasses", "logging", "pathlib", "tempfile", "typing", "polars"}
    assert heavy.isdisjoint(output.split())


def path() -> dict[str, str]:
    """Without its site packages an interpreter must be told where the package is."""
    return {"PYTHONPATH": str(Path(ottla.__file__).parent.parent)}


def test_every_public_name_is_there() -> None:
    assert set(ottla.__all__) <= set(dir(ottla))
    for name in ottla.__all__:
        assert getattr(ottla, name) is not None
    with pytest.raises(AttributeError, match="Brokr"):
        _ = ottla.Brokr


@pytest.mark.parametrize("name", [name for name in MODULES if name != "ottla.__main__"])
def test_the_examples_in_the_docstrings_are_true(name: str) -> None:
    module = importlib.import_module(name)
    results = doctest.testmod(module)
    assert results.failed == 0
    if name in {"ottla", "ottla.broker", "ottla.producer", "ottla.consumer", "ottla.admin"}:
        assert results.attempted > 0


def test_an_exception_keeps_its_code_in_a_pickle() -> None:
    error = ottla.BrokerUnreachable("nobody answers", 13, "NETWORK_EXCEPTION", retriable=True)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (ottla.BrokerUnreachable, "nobody answers")
    assert (copy.code, copy.name, copy.retriable) == (13, "NETWORK_EXCEPTION", True)
    assert isinstance(copy, ConnectionError)


def test_the_command_tells_its_version_and_what_it_can_do() -> None:
    command = str(Path(sys.executable).with_name("ottla"))
    version = subprocess.check_output([command, "--version"], text=True)
    assert version == f"ottla {ottla.__version__}\n"
    text = subprocess.check_output([command, "--help"], text=True)
    assert text.startswith("Ottla, the streaming log you install with pip")
    commands = text[text.index("Commands:") : text.index("Options:")]
    assert [line.split()[0] for line in commands.splitlines()[1:] if line] == [
        "broker",
        "demo",
        "topics",
        "configs",
        "produce",
        "consume",
        "groups",
        "transactions",
        "offsets",
        "help",
    ]
    for arguments in (["demo", "--help"], ["help", "demo"]):
        assert "ottla demo [-h] [DIR]" in subprocess.check_output([command, *arguments], text=True)
    assert subprocess.run([command, "brokr"], check=False, capture_output=True).returncode == 2


def test_the_demo_proves_that_everything_came_back() -> None:
    out = io.StringIO()
    assert demo.main([], out) == 0
    text = out.getvalue()
    assert "equal: 336,776 records" in text
    assert "records/s" in text
    assert "Endeavor" in text or "EV" in text


def test_the_demo_takes_one_directory_and_has_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, status in ((["--help"], 0), (["a", "b", "c"], 2), (["--fast"], 2)):
        with pytest.raises(SystemExit) as left:
            demo.main(arguments)
        assert left.value.code == status
    assert "usage: ottla demo [-h] [DIR]" in capsys.readouterr().out


def test_what_stops_the_demo_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with ottla.Broker(tmp_path) as broker:
        broker.create_topic(demo.TOPIC)
    assert demo.main([str(tmp_path)], io.StringIO()) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert f"has run in {tmp_path} before" in told[0]
    assert demo.main(["/proc/nodir"], io.StringIO()) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "/proc/nodir" in told[0]

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "load_flights", interrupt)
    assert demo.main([], io.StringIO()) == 130
    assert capsys.readouterr().err == "ottla demo: interrupted\n"


def test_the_proof_of_the_demo_sees_a_lost_a_changed_and_a_moved_record() -> None:
    sent = pl.DataFrame({"key": ["a", "a", None], "value": ["1", "2", "3"]})
    demo.prove(sent, sent)
    for broken in (
        sent.head(2),
        sent.with_columns(value=pl.Series(["1", "2", "4"])),
        sent[[1, 0, 2]],
    ):
        with pytest.raises(AssertionError):
            demo.prove(sent, broken)
