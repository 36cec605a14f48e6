"""Jupyter's messages, on their way from evcxr and to it: signed anew, printed lines joined, pictures that are replaced.

A message is: names, delimiter, signature, header, parent's header, metadata, content, and perhaps bytes.
"""

import contextlib
import hashlib
import hmac
import itertools
import json
import re
import secrets
import unicodedata
from datetime import datetime, timezone
from pathlib import Path

import build_cache
from project import EVCXR_VERSION

DELIMITER = b"<IDS|MSG>"
PATH_CRATE = re.compile(r'^(:dep +([\w-]+) *=.*\bpath *= *")([^"]+)(")', re.MULTILINE)
# A cell's text that ends so stays open, and the next may be written over it: evcxr itself passes on whole lines.
OPEN_END = "\x1f\n"
# What begins so is the content of a message that shows something, or puts it in place of what has the same display_id.
DISPLAY = "\x1e"
# Two regional indicators are a flag; vowels and final consonants of Hangul belong to what stands before them.
JOINED = re.compile("[\U0001f1e6-\U0001f1ff\u1160-\u11ff]")

# What a Jupyter asks before all else, and when its page is loaded again. evcxr answers the same, but between two cells.
KERNEL_INFO = {
    "status": "ok",
    "protocol_version": "5.3",
    "implementation": "evcxr_jupyter",
    "implementation_version": EVCXR_VERSION,
    "language_info": {"name": "Rust", "version": "", "mimetype": "text/rust", "file_extension": ".rs"}
    | {"pygment_lexer": "rust", "codemirror_mode": "rust"},
    "banner": f"EvCxR {EVCXR_VERSION} - Evaluation Context for Rust",
}


def sign(key, parts):
    return hmac.new(key.encode(), b"".join(parts[:4]), hashlib.sha256).hexdigest().encode() if key else b""


def message(key, kind, content, names=(), parent=b"{}"):
    """A new one."""
    header = {"msg_id": secrets.token_hex(), "msg_type": kind, "session": "launcher", "username": "launcher"}
    header |= {"version": "5.3", "date": datetime.now(timezone.utc).isoformat()}
    parts = [json.dumps(header).encode(), parent, b"{}", json.dumps(content).encode()]
    return [*names, DELIMITER, sign(key, parts), *parts]


def kind_of(frames):
    return json.loads(frames[frames.index(DELIMITER) + 2])["msg_type"]


def answer_kernel_info(jupyter, source, frames, key, busy):
    """Answers at once; tells whether the message asks for it."""
    if kind_of(frames) != "kernel_info_request":
        return False
    start = frames.index(DELIMITER)
    names, header = frames[:start], frames[start + 2]
    states = [
        message(key, "status", {"execution_state": state}, [b"status"], header)
        for state in ["busy", "idle", "busy"][: 3 if busy else 2]
    ]
    jupyter["iopub"].send_multipart(states.pop(0))
    source.send_multipart(message(key, "kernel_info_reply", KERNEL_INFO, names, header))
    for status in states:
        jupyter["iopub"].send_multipart(status)
    return True


def signed_anew(frames, old_key, new_key):
    """The message for the other side, or nothing if its signature is wrong."""
    start = frames.index(DELIMITER) + 1 if DELIMITER in frames else len(frames)
    parts = frames[start + 1 : start + 5]  # evcxr takes nothing behind the content.
    if len(parts) < 4 or not hmac.compare_digest(frames[start], sign(old_key, parts)):
        return None
    if old_key != new_key:
        parts[3] = changed(kind_of(frames), parts[3])
    return [*frames[:start], sign(new_key, parts), *parts]


def printed(frames):
    """What a message from evcxr prints: texts and what `Live` shows (see src/notebook/live.rs), each behind the cell
    and the stream or the place that it belongs to; nothing for messages that print nothing."""
    if DELIMITER not in frames or kind_of(frames) != "stream":
        return []
    cell, content = frames[-3], json.loads(frames[-1])
    before, _, rest = content["text"].partition(DISPLAY)
    if not (display := display_in(rest)):
        return [((cell, "stream", content["name"]), content["text"])]
    shown = [((cell, "display", display["transient"]["display_id"]), display)]
    return [((cell, "stream", content["name"]), before)] * bool(before) + shown


def display_in(text):
    """The content of a message that shows something, unless the text is one like any other."""
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        content = json.loads(text)
        if isinstance(content["transient"]["display_id"], str) and isinstance(content["data"], dict):
            return content
    return None


def is_display(place):
    return place is not None and place[1] == "display"


def joined(messages, key, shown):
    """evcxr sends each printed line by itself, and Jupyter drops messages when there are too many: neighbouring
    lines of one cell and one stream become one message, and of several states of one place only the last is seen.
    `shown` are the places that hold something already."""
    parts = [(place, what, frames) for frames in messages for place, what in printed(frames) or [(None, None)]]
    last = {place: number for number, (place, _, _) in enumerate(parts)}
    parts = [part for number, part in enumerate(parts) if not is_display(part[0]) or last[part[0]] == number]
    for place, group in itertools.groupby(parts, lambda part: part[0]):
        _, whats, frames = zip(*group)
        if place is None:
            yield from frames
            continue
        header, content = frames[0][-4], whats[-1]
        if is_display(place):
            kind = "update_display_data" if place in shown else "display_data"
            header = json.dumps(json.loads(header) | {"msg_type": kind}).encode()
            shown.add(place)
        else:
            content = {"name": place[2], "text": "".join(whats).replace(OPEN_END, "")}
        body = [header, *frames[0][-3:-1], json.dumps(content).encode()]
        yield [*frames[0][:-5], sign(key, body), *body]


def changed(kind, content):
    """The content of a message from Jupyter, less what evcxr would misread."""
    if kind not in ("execute_request", "complete_request", "inspect_request"):
        return content
    request = json.loads(content)
    if kind == "execute_request":
        request["code"] = PATH_CRATE.sub(right_path, request["code"])
    else:
        request["code"] = "".join("_" if is_part(character) else character for character in request["code"])
    return json.dumps(request).encode()


def right_path(found):
    """A `:dep` line that names a crate of this repository gets its full path, by which evcxr knows it already; also where
    the line's own path leads nowhere, as in a notebook that was copied to another folder."""
    name, folder, ours = found[2], Path(found[3]), build_cache.path_crates()
    if name not in ours:
        return found[0]
    with contextlib.suppress(OSError):
        is_a_crate = f'name = "{name}"' in (folder / "Cargo.toml").read_text(errors="replace")
        if is_a_crate and folder.resolve() != Path(ours[name]):
            return found[0]
    return found[1] + ours[name] + found[4]


def is_part(character):
    """Whether it joins others to make one, as accents and parts of emoji may. Jupyter counts each of them, evcxr only
    what they make."""
    is_modifier = unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf", "Sk")
    return not character.isascii() and (is_modifier or JOINED.match(character) is not None)


def is_busy(frames, before):
    """Whether a cell is at work, after this message on iopub."""
    if kind_of(frames) == "status":
        return json.loads(frames[-1])["execution_state"] == "busy"
    return before
