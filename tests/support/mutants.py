"""Damaged files under a seed: of bytes, of JSON values, and of the members of archives."""

import copy
import io
import json
import zipfile

EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
VALUES = (None, True, 0, -1, 3, 2.5, 1e308, 10**30, "", "text", "\ud800", "../x", "a\0b", [], {}, [[]], ["a"], {"a": 1})
DEEP = 3000


def damaged(content, rng, times=None):
    """Return the bytes `content` after one to three damages, never as they were."""
    made = bytearray(content)
    for _ in range(times or rng.integers(1, 4)):
        rng.choice(DAMAGES)(made, rng)
    return bytes(made) if bytes(made) != content else content[: len(content) // 2]


def _flip_bit(made, rng):
    if made:
        made[rng.integers(len(made))] ^= 1 << int(rng.integers(8))


def _set_byte(made, rng):
    if made:
        made[rng.integers(len(made))] = int(rng.choice([0, 255, 128, 32, rng.integers(256)]))


def _set_number(made, rng):
    at, width = int(rng.integers(max(1, len(made)))), int(rng.choice([2, 4, 8]))
    made[at : at + width] = int(rng.choice(EXTREMES)).to_bytes(8, "little")[:width]


def _cut(made, rng):
    del made[int(rng.integers(max(1, len(made)))) :]


def _remove(made, rng):
    at = int(rng.integers(max(1, len(made))))
    del made[at : at + int(rng.integers(1, 64))]


def _repeat(made, rng):
    at = int(rng.integers(max(1, len(made))))
    made[at:at] = made[at : at + int(rng.integers(1, 256))] * int(rng.integers(1, 9))


def _insert(made, rng):
    at = int(rng.integers(max(1, len(made))))
    made[at:at] = rng.bytes(int(rng.integers(1, 32)))


DAMAGES = (_flip_bit, _flip_bit, _set_byte, _set_byte, _set_number, _set_number, _cut, _remove, _repeat, _insert)


def damaged_json(content, rng):
    """Return JSON with another value, without a key, with another key, too deep, or with damaged bytes."""
    kind = rng.integers(12)
    if kind == 0:
        return damaged(content, rng)
    if kind == 1:
        return b'{"a":' * DEEP + b"1" + b"}" * DEEP
    whole = copy.deepcopy(json.loads(content))
    places = list(_places(whole))
    holder, key = places[rng.integers(len(places))]
    if kind == 2 and isinstance(holder, dict):
        del holder[key]
    elif kind == 3 and isinstance(holder, dict):
        holder["other"] = holder.pop(key)
    else:
        holder[key] = VALUES[rng.integers(len(VALUES))]
    return json.dumps(whole).encode()


def damaged_lines(content, rng):
    """Return JSON Lines with one line as `damaged_json` makes it, or with damaged bytes."""
    if rng.random() < 0.3:
        return damaged(content, rng)
    lines = content.splitlines()
    place = rng.integers(len(lines))
    lines[place] = damaged_json(lines[place], rng)
    return b"\n".join(lines)


def _places(value):
    """Yield `(holder, key)` of every value below `value`."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def damaged_archive(content, rng):
    """Return a zip archive with damaged bytes, or with a damaged member whose checksum is right."""
    if rng.random() < 0.4:
        return damaged(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = {info.filename: file.read(info) for info in file.infolist()}
    name = str(rng.choice(sorted(members)))
    if name.endswith(".json"):
        members[name] = damaged_json(members[name], rng)
    elif name.endswith(".npy") and rng.random() < 0.5:  # the header alone
        members[name] = damaged(members[name][:128], rng) + members[name][128:]
    elif rng.random() < 0.1:
        del members[name]
    else:
        members[name] = damaged(members[name], rng)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for key, value in members.items():
            file.writestr(key, value)
    return made.getvalue()
