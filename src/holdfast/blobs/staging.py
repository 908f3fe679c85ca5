"""A body on its way in: in memory while it is small, in a file of its own once it is not."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.blobs.blocks import checksums_of
from holdfast.blobs.records import TAG_BYTES_MAX
from holdfast.blobs.segments import Body
from holdfast.blobs.wholefiles import WholeFileWriter


class StagedBody:
    """The files engine's staged body."""

    __slots__ = (
        "_file",
        "_length_bytes",
        "_new_file",
        "_pieces",
        "_small_bytes_max",
        "_state",
        "_take_room",
        "body",
        "size_bytes",
        "tag",
    )

    def __init__(
        self,
        length_bytes: int | None,
        tag: bytes,
        small_bytes_max: int,
        new_file: Callable[[bytes], WholeFileWriter],
        take_room: Callable[[int], None],
    ) -> None:
        assert len(tag) <= TAG_BYTES_MAX
        self._length_bytes = length_bytes
        self._small_bytes_max = small_bytes_max
        self._new_file = new_file
        self._take_room = take_room
        self._pieces: list[bytes] = []
        self._file: WholeFileWriter | None = None
        self._state = "open"
        self.body: Body | None = None
        """What a segment takes, of a small body that is sealed."""
        self.tag = tag
        self.size_bytes = 0

    @property
    def container_id(self) -> str | None:
        """The file of a large body, None for a small one."""
        return self._file.container_id if self._file is not None else None

    @property
    def is_sealed(self) -> bool:
        """Whether the body is whole and waits for its flush."""
        return self._state == "sealed"

    def write(self, data: memoryview | bytes) -> None:
        assert self._state == "open", f"a {self._state} body takes no more bytes"
        size_bytes = self.size_bytes + len(data)
        if self._file is None and max(size_bytes, self._length_bytes or 0) <= self._small_bytes_max:
            self._pieces.append(bytes(data))
        else:
            self._take_room(len(data))
            if self._file is None:
                self._file = self._new_file(self.tag)
                self._file.write([*self._pieces, data])
                self._pieces.clear()
            else:
                self._file.write([data])
        self.size_bytes = size_bytes

    def seal(self) -> None:
        assert self._state == "open", f"a {self._state} body cannot be sealed"
        assert self._length_bytes in (None, self.size_bytes), f"{self.size_bytes} of {self._length_bytes} bytes came"
        if self._file is not None:
            self._file.seal()
        else:
            self.body = Body(self._pieces, self.size_bytes, checksums_of(self._pieces), self.tag)
        self._state = "sealed"

    def discard(self) -> None:
        if self._state in ("flushed", "discarded"):
            return
        self._state = "discarded"
        self._pieces = []
        self.body = None
        if self._file is not None:
            self._file.discard()

    def flushed(self) -> None:
        """Know that rows may name the body from now on."""
        self._state = "flushed"
        self._pieces = []
        self.body = None
