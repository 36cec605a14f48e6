"""Jupyter's messages, on their way from evcxr and to it: signed anew, printed lines joined, pictures that are replaced.

A message is: names, delimiter, signature, header, parent's header, metadata, content.
"""

import contextlib
import hashlib
import hmac
import itertools
import json
import re
import secrets
from datetime import datetime, timezone
from pathlib import Path

import build_cache

DELIMITER = b"<IDS|MSG>"
PATH_CRATE = re.compile(r'^(:dep +([\w-]+) *=.*\bpath *= *")([^"]+)(")', re.MULTILINE)
# A cell's text that ends so stays open, and the next may be written over it: evcxr itself passes on whole lines.
OPEN_END = "\x1f\n"
# A line that begins so is what a message holds that shows something, or puts it in place of what has the same display_id
# (see src/notebook/live.rs).
DISPLAY = "\x1e"


def sign(key, parts):
    return hmac.new(key.encode(), b"".join(parts[:4]), hashlib.sha256).hexdigest().encode() if key else b""


def message(key, kind, content, names=(), parent=b"{}"):
    """A new one."""
    header = {"msg_id": secrets.token_hex(), "msg_type": kind, "session": "launcher", "username": "launcher"}
    header |= {"version": "5.3", "date": datetime.now(timezone.utc).isoformat()}
    parts = [json.dumps(header).encode(), parent, b"{}", json.dumps(content).encode()]
    return [*names, DELIMITER, sign(key, parts), *parts]


def kind_of(frames):
    return json.loads(frames[-4])["msg_type"]


def signed_anew(frames, old_key, new_key):
    """The message for the other side, or nothing if its signature is wrong."""
    start = frames.index(DELIMITER) + 1 if DELIMITER in frames else len(frames)
    parts = frames[start + 1 :]
    if len(parts) < 4 or not hmac.compare_digest(frames[start], sign(old_key, parts)):
        return None
    if json.loads(parts[0])["msg_type"] == "execute_request":
        parts[3] = with_this_library(parts[3])
    return [*frames[:start], sign(new_key, parts), *parts]


def stream_of(frames):
    """The cell and the stream that printed a text, or the place of what is shown; nothing for other messages."""
    if DELIMITER not in frames or kind_of(frames) != "stream":
        return None
    content = json.loads(frames[-1])
    display = display_in(content["text"])
    return frames[-3], display["transient"]["display_id"] if display else content["name"]


def display_in(text):
    """What a printed line asks to show, unless it is a text like any other."""
    if text.startswith(DISPLAY):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            content = json.loads(text[1:])
            if isinstance(content["transient"]["display_id"], str):
                return content
    return None


def joined(messages, key, shown):
    """evcxr sends each printed line by itself, and Jupyter drops lines when there are too many: neighbours of one cell and
    one stream become one message. `shown` are the places that hold something already."""
    for stream, group in itertools.groupby(messages, stream_of):
        first, *others = group
        if stream is None:
            yield from [first, *others]
            continue
        texts = [json.loads(frames[-1])["text"] for frames in [first, *others]]
        header, content = first[-4], {"name": stream[1], "text": "".join(texts).replace(OPEN_END, "")}
        # Of several states only the last is seen.
        if display := display_in(texts[-1]):
            content = display
            kind = "update_display_data" if stream[1] in shown else "display_data"
            header = json.dumps(json.loads(header) | {"msg_type": kind}).encode()
            shown.add(stream[1])
        parts = [header, *first[-3:-1], json.dumps(content).encode()]
        yield [*first[:-5], sign(key, parts), *parts]


def with_this_library(content):
    """A cell whose `:dep` line names a crate of this repository by a path at which there is none, as in a notebook that was
    copied to another folder, gets the path of the one here."""
    ours = build_cache.path_crates()

    def right_path(found):
        name, manifest = found[2], Path(found[3]) / "Cargo.toml"
        is_there = manifest.exists() and f'name = "{name}"' in manifest.read_text(errors="replace")
        return found[0] if is_there or name not in ours else found[1] + ours[name] + found[4]

    cell = json.loads(content)
    cell["code"] = PATH_CRATE.sub(right_path, cell["code"])
    return json.dumps(cell).encode()


def is_busy(frames, before):
    """Whether a cell is at work, after this message on iopub."""
    if kind_of(frames) == "status":
        return json.loads(frames[-1])["execution_state"] == "busy"
    return before
