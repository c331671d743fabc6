"""Memory for the page cache that the machine has touched before.

On a virtual machine a page that the guest uses for the first time costs up to ten times more than
one that it has used: whoever runs first would pay for both sides.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

CHUNK = bytes(1 << 20)


def warm(directory: Path, size_bytes: int) -> None:
    """Writes and deletes as much as the runs between two deletions will dirty."""
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(-(-size_bytes // len(CHUNK))):
            file.write(CHUNK)
