"""Zips of a few megabytes that hold gigabytes, and what reading them takes of the memory."""

from __future__ import annotations

import zipfile
import zlib
from functools import reduce
from itertools import repeat
from pathlib import Path

from recsys.errors import SourceError

# Bytes; the checksum of what holds more is not made, as it takes long, and nothing may read to it.
LARGEST_CHECKED = 2 << 30


def pack(
    path: Path, files: dict[str, str], name: str, head: bytes, block: bytes, times: int
) -> None:
    """Write a zip of files; the file `name` is `head` and then `block`, so many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush what comes is packed alike each time.
    again = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)
        archive.writestr(name, packed + again * times + packer.flush())
        member = archive.getinfo(name)
        member.compress_type = zipfile.ZIP_DEFLATED
        member.file_size = len(head) + len(block) * times
        if member.file_size <= LARGEST_CHECKED:
            member.CRC = reduce(
                lambda sum, part: zlib.crc32(part, sum), repeat(block, times), zlib.crc32(head)
            )


def load_bomb(url: str, path: str, written: str) -> None:
    """Load it; write how it ended, and by how many MB that made the process grow."""
    from sqlalchemy import create_engine

    from recsys.loading.load import load
    from recsys.sources import open_source

    before = most_mb()
    try:
        load(create_engine(url), open_source(path))
        end = "loaded"
    except SourceError as error:
        end = str(error)
    Path(written).write_text(f"{most_mb() - before:.0f} {end}")


def most_mb() -> float:
    """The most memory that this process has had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
