"""The loads of `benchmarks/load_generator`, which is built when it is first used."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from benchmarks import program
from benchmarks.brokers import Broker
from benchmarks.machine import ROOT

MANIFEST = ROOT / "benchmarks" / "load_generator" / "Cargo.toml"
# In a scratch directory it would be built anew each time.
TARGET = ROOT / "target" / "load_generator"


@dataclass(frozen=True)
class LoadGenerator:
    """The program, built."""

    path: str

    def run(self, load: str, broker: Broker, topic: str, **options: object) -> dict[str, float]:
        """Puts a load on a topic of a broker, and answers the figures that it prints."""
        named = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        return program.figures([self.path, load, broker.bootstrap, topic, *named])


@functools.cache
def build() -> LoadGenerator:
    """Builds it, unless it is built."""
    command = ["cargo", "build", "--quiet", "--release", "--locked"]
    program.check(*command, "--manifest-path", MANIFEST, "--target-dir", TARGET)
    return LoadGenerator(str(TARGET / "release" / "load-generator"))
