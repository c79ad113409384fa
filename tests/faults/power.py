"""What a loss of power may leave of a program's files, told by a record of its system calls.

`record` runs a program under strace and keeps, in their order, its writes, renames, removals and
syncs below one folder. `Disk` replays them as POSIX promises them and no more: what was written
since a file's last sync may be there, missing or torn, and so may each name that came, went or
changed since its folder's last sync. `left_behind` draws such a state after any of the calls.
"""

import collections
import dataclasses
import os
import pathlib
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence

AVAILABLE = shutil.which("strace") is not None
# A program says so what it has promised; the state after it must hold it.
CONFIRMED = b"confirmed "
_CALLS = (
    "openat,creat,write,pwrite64,writev,lseek,ftruncate,rename,renameat,renameat2,unlink,unlinkat,"
    "rmdir,mkdir,mkdirat,fsync,fdatasync,sendfile,copy_file_range"
)
_LINE = re.compile(r"^(\d+) +(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)(.*)$", re.DOTALL)
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_HANDLE = re.compile(r"(\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*|[^>]*)>")


@dataclasses.dataclass(frozen=True)
class Call:
    """One call that changed or synced something.

    Attributes:
      kind: "write", "cut", "copy", "make", "folder", "rename", "remove", "sync" or "confirmed".
      path: what it was done to.
      target: of a rename; of a copy, where it comes from.
      offset: of a write; the new length of a cut; how much of a copy.
      data: that was written, or confirmed.
    """

    kind: str
    path: str = ""
    target: str = ""
    offset: int = 0
    data: bytes = b""


def record(
    command: Sequence[str], folder: pathlib.Path, log: pathlib.Path, environment: dict[str, str]
) -> list[Call]:
    """Runs a program to its end and returns its calls below `folder`, which may not exist yet."""
    options = ["-f", "-y", "-xx", "-s", "1000000000", "-e", f"trace={_CALLS}", "-o", str(log)]
    done = subprocess.run(
        ["strace", *options, *command], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return list(_calls(log, str(folder.resolve())))


def calls_below(folder: pathlib.Path, log: pathlib.Path) -> list[tuple[str, int]]:
    """Returns each recorded call that may fail below a folder, and which of its process's it was.

    Args:
      folder: of the program's files.
      log: what `record` has written.
    """
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    found, root = [], str(folder.resolve())
    with open(log, encoding="latin-1") as lines:
        for line in lines:
            match = re.match(r"^(\d+) +(\w+)\((.*)", line)
            if match is None:
                continue
            process, name, arguments = match.groups()
            counts[process, name] += 1
            named = [_decoded(path) for _, path in _HANDLE.findall(arguments[:2000])]
            named += _paths(arguments[:2000])
            changes = name != "openat" or "O_CREAT" in arguments or "O_WRONLY" in arguments
            if changes and name != "lseek" and any(path.startswith(root) for path in named):
                found.append((name, counts[process, name]))
    return sorted(set(found))


def run_with_failure(
    command: Sequence[str], name: str, which: int, error: str, environment: dict[str, str]
) -> tuple[int, str]:
    """Runs a program whose call `name` fails when it is made for the `which`-th time.

    Returns:
      The exit code and what stands on standard error.
    """
    options = ["-f", "--quiet=all", "-o", os.devnull, "-e", f"trace={name}"]
    fault = f"inject={name}:error={error}:when={which}"
    done = subprocess.run(
        ["strace", *options, "-e", fault, *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    return done.returncode, done.stderr


def _text(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal.replace("\\x", ""))


def _whole_lines(log: pathlib.Path) -> Iterator[str]:
    """Joins the calls that other threads interrupted; each stands where it ended."""
    begun: dict[str, str] = {}
    with open(log, encoding="latin-1") as lines:
        for line in lines:
            found = _LINE.match(line.rstrip("\n"))
            if found is None:
                continue
            process, text = found.groups()
            if text.endswith("<unfinished ...>"):
                begun[process] = text.removesuffix("<unfinished ...>").rstrip()
            elif text.startswith("<... "):
                yield begun.pop(process, "") + text.split("resumed>", 1)[1]
            else:
                yield text


def _calls(log: pathlib.Path, root: str) -> Iterator[Call]:
    offsets: dict[tuple[str, str], int] = {}
    for line in _whole_lines(log):
        found = _CALL.match(line)
        if found is None or int(found[3]) < 0:
            continue
        for call in _of_call(found[1], found[2], int(found[3]), found[4], offsets):
            if call.kind == "confirmed" or call.path.startswith(root):
                yield call


def _paths(arguments: str) -> list[str]:
    """Returns the paths that a call names, relative ones below the folder they are relative to."""
    bases = [_decoded(base) for _, base in _HANDLE.findall(arguments)]
    names = [os.fsdecode(_text(name)) for name, _ in _STRING.findall(arguments)]
    base = bases[0] if bases else "/"
    return [os.path.normpath(os.path.join(base, name)) for name in names]


def _decoded(name: str) -> str:
    return os.fsdecode(_text(name)) if name.startswith("\\x") else name


def _of_call(
    name: str, arguments: str, result: int, rest: str, offsets: dict[tuple[str, str], int]
) -> Iterator[Call]:
    if name in ("openat", "creat"):
        path, handle = _paths(arguments)[0], (str(result), _opened(rest))
        offsets[handle] = 0
        if "O_CREAT" in arguments or name == "creat":
            yield Call("make", path)
        if "O_TRUNC" in arguments or name == "creat":
            yield Call("cut", path)
        if "O_APPEND" in arguments:
            offsets[handle] = -1
        return
    if name in ("mkdir", "mkdirat"):
        yield Call("folder", _paths(arguments)[0])
    elif name in ("unlink", "unlinkat", "rmdir"):
        yield Call("remove", _paths(arguments)[0])
    elif name in ("rename", "renameat", "renameat2"):
        source, target = _paths(arguments)
        yield Call("rename", source, target)
    else:
        yield from _of_handle(name, arguments, result, offsets)


def _opened(rest: str) -> str:
    found = re.search(r"<(.*)>", rest)
    return _decoded(found[1]) if found else ""


def _of_handle(
    name: str, arguments: str, result: int, offsets: dict[tuple[str, str], int]
) -> Iterator[Call]:
    number, shown = _HANDLE.findall(arguments)[0]
    path = _decoded(shown)
    handle = (number, path)
    if name in ("fsync", "fdatasync"):
        yield Call("sync", path)
    elif name == "lseek":
        offsets[handle] = result
    elif name == "ftruncate":
        yield Call("cut", path, offset=int(arguments.rsplit(",", 1)[1]))
    elif name in ("sendfile", "copy_file_range"):
        # (target, source, ...) or (source, target, ...): of whole files, which Python copies so.
        other = _decoded(_HANDLE.findall(arguments)[1][1])
        target, source = (path, other) if name == "sendfile" else (other, path)
        yield Call("copy", target, source, offset=result)
    else:
        data = b"".join(_text(part) for part, _ in _STRING.findall(arguments))[:result]
        if data.startswith(CONFIRMED):
            yield Call("confirmed", data=data.strip())
        elif name == "pwrite64":
            yield Call("write", path, offset=int(arguments.rsplit(",", 1)[1]), data=data)
        else:
            at = offsets.get(handle, 0)
            yield Call("write", path, offset=at, data=data)
            offsets[handle] = at if at < 0 else at + len(data)


class _File:
    """A file's bytes now, those that its last sync has put on the disk, and what came since."""

    def __init__(self) -> None:
        self.now, self.synced = bytearray(), b""
        self._since: list[Call] = []

    def change(self, call: Call) -> None:
        """Writes to the file, or cuts it."""
        self._since.append(_changed(self.now, call))

    def sync(self) -> None:
        """Puts everything on the disk."""
        self.synced = bytes(self.now)
        self._since.clear()

    def left(self, chance: random.Random, kind: str) -> bytes:
        """Returns what may be there: of each change since the last sync all, nothing or a part."""
        if kind != "drawn":
            return self.synced
        found = bytearray(self.synced)
        for call in self._since:
            share = chance.choice((0.0, 1.0, chance.random()))
            data = call.data[: round(share * len(call.data))]
            if data or (call.kind == "cut" and share > 0):
                _changed(found, dataclasses.replace(call, data=data))
        return bytes(found)


def _changed(content: bytearray, call: Call) -> Call:
    """Does a write or a cut; returns the call with the place where it was done."""
    at = len(content) if call.offset < 0 else call.offset
    if call.kind == "cut":
        del content[at:]
    content.extend(bytes(max(0, at - len(content))))
    content[at : at + len(call.data)] = call.data
    return dataclasses.replace(call, offset=at)


class _Folder:
    """A folder's names now, and those that its last sync has put on the disk."""

    def __init__(self) -> None:
        self.now: dict[str, _File | _Folder] = {}
        self.synced: dict[str, _File | _Folder] = {}

    def left(self, chance: random.Random, kind: str) -> dict[str, "_File | _Folder"]:
        names = {}
        for name in sorted(self.now | self.synced):
            reached = kind == "names" or (kind == "drawn" and chance.random() < 0.5)
            seen = self.now if reached else self.synced
            if name in seen:
                names[name] = seen[name]
        return names


class Disk:
    """The folder that a program works in, with all that is below it."""

    def __init__(self, root: pathlib.Path):
        self._root = root.resolve()
        self._top = _Folder()

    def _parts(self, path: str) -> tuple[str, ...]:
        return pathlib.Path(path).relative_to(self._root).parts

    def _parent(self, path: str) -> tuple[_Folder, str]:
        folder = self._top
        *above, name = self._parts(path)
        for part in above:
            below = folder.now[part]
            assert isinstance(below, _Folder)
            folder = below
        return folder, name

    def apply(self, call: Call) -> None:
        """Does what a call did."""
        if call.kind == "confirmed" or (call.kind != "sync" and not self._parts(call.path)):
            return
        if call.kind == "sync":
            self._sync(call.path)
            return
        folder, name = self._parent(call.path)
        if call.kind in ("folder", "make"):
            folder.now.setdefault(name, _Folder() if call.kind == "folder" else _File())
        elif call.kind == "remove":
            folder.now.pop(name, None)
        elif call.kind == "rename":
            target, new = self._parent(call.target)
            target.now[new] = folder.now.pop(name)
        elif isinstance(file := folder.now.get(name), _File):
            file.change(self._copied(call) if call.kind == "copy" else call)

    def _copied(self, call: Call) -> Call:
        folder, name = self._parent(call.target)
        source = folder.now[name]
        assert isinstance(source, _File)
        return Call("write", call.path, offset=-1, data=bytes(source.now[: call.offset]))

    def _sync(self, path: str) -> None:
        node: _File | _Folder | None = self._top
        if self._parts(path):
            folder, name = self._parent(path)
            node = folder.now.get(name)
        if isinstance(node, _File):
            node.sync()
        elif node is not None:
            node.synced = dict(node.now)

    def left_behind(self, folder: pathlib.Path, chance: random.Random) -> None:
        """Writes one of the states that a loss of power may leave now into a new folder.

        Either nothing that was not synced is there; or all names are, and none of the bytes; or
        each name and file is drawn by itself.
        """
        kind = chance.choice(("synced", "names", "drawn"))
        _write(self._top, folder, chance, kind)


def _write(node: _Folder, folder: pathlib.Path, chance: random.Random, kind: str) -> None:
    folder.mkdir(parents=True)
    for name, below in node.left(chance, kind).items():
        if isinstance(below, _Folder):
            _write(below, folder / name, chance, kind)
        else:
            (folder / name).write_bytes(below.left(chance, kind))
