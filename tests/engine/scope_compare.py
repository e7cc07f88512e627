"""Compares replies of the scope tests: those of two worlds, and those for a foreign and for a missing object."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping

from compare import is_tar, tar_listing, without_frames
from exchanges import Exchange

# What may differ between two runs of one script on one engine, because the engine, the kernel or a clock chooses it.
NORMALISED = [
    ("ids", rb"[0-9a-f]{64}", b"<id>"),
    ("short ids", rb"\b[0-9a-f]{12}\b", b"<short>"),
    ("names of the engine", rb'(/)[a-z]+_[a-z]+\d?(?=")', rb"\1<name>"),
    ("times", rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d\d:?\d\d|Z)?", b"<time>"),
    ("times as numbers", rb'"(time|timeNano|Created|Pid)":\d+', rb'"\1":0'),
    ("ages", rb"(Up|Exited \(\d+\)|Created)[^\"]*", rb"\1"),
    ("durations", rb'"execDuration":"\d+"', b""),
    ("addresses", rb"\b(10|172|192)(\.\d+){3}(/\d+)?\b", b"<address>"),
    ("sizes of networks", rb'"IPPrefixLen":\d+', b'"IPPrefixLen":0'),
    ("MAC addresses", rb"([0-9a-f]{2}:){5}[0-9a-f]{2}", b"<mac>"),
    ("open files and threads of the daemon", rb'"(NFd|NGoroutines|NEventsListener)":\d+', rb'"\1":0'),
    # Engine 20 keeps the two in a map.
    ("order of two networks", rb"network endpoints: [^\"]*", b"network endpoints"),
    # Execs that have ended are dropped some time later.
    ("ended execs", rb'"ExecIDs":(null|\[[^]]*\])', b'"ExecIDs":null'),
]
NORMALISED = [(re.compile(pattern), mask) for _, pattern, mask in NORMALISED]
# Counters of the kernel.
MEASURED = re.compile(r"/(stats|top)(\?|$)")
# The daemon keeps these in maps, and gives them in any order.
UNORDERED = re.compile(r"/(system/df|networks/?|volumes|images/json|info|prune)(\?|$)")
# What a scope shortens. Its framing must not show how long it was before.
FILTERED = re.compile(r"/(containers/json|networks/?|volumes|images/json|system/df|info|events)(\?|$)")
# Dockgate's own word where it asks for a missing object.
RANDOM = re.compile(rb"zq[a-z]{30}")
DATE = re.compile(rb"(?m)^Date: .*$")


def normal(data: bytes) -> bytes:
    for pattern, mask in NORMALISED:
        data = pattern.sub(mask, data)
    return data


def without_words(data: bytes, words: Mapping[str, str], names: Iterable[str]) -> bytes:
    """The data with the ids and prefixes that the client sent replaced by what they stand for."""
    for name in sorted(names, key=lambda each: -len(words[each])):
        text = re.escape(words[name].encode())
        data = re.sub(rb"(?i)(?<![0-9a-z])" + text + rb"(?![0-9a-z])", b"<" + name.encode() + b">", data)
    return data


def essence(exchange: Exchange, words: Mapping[str, str], names: list[str]) -> tuple[int | None, list[str], bytes]:
    """Status, headers and body of a reply: equal in two worlds that the client cannot tell apart."""
    if exchange.reply is None:
        return None, [], b""
    headers = sorted(
        f"{name}: {value}"
        for name, value in exchange.reply.headers
        if name.lower() not in ("date", "content-length", "transfer-encoding", "x-docker-container-path-stat")
    )
    if FILTERED.search(exchange.target):
        headers.append(f"framing: {exchange.reply_body.framing}")
    if MEASURED.search(exchange.target) and exchange.status == 200:
        return exchange.status, headers, b""
    body = exchange.reply_body.content + (exchange.piped_in or b"")
    if exchange.status >= 400:
        body = without_words(body, words, names)
    if is_tar(body):
        return exchange.status, headers, tar_listing(body)
    body = normal(without_frames(body))
    if UNORDERED.search(exchange.target):
        body = sorted_json(body)
    return exchange.status, headers, body


def sorted_json(body: bytes) -> bytes:
    try:
        return json.dumps(in_order(json.loads(body))).encode()
    except ValueError:
        return body


def in_order(value: object) -> object:
    if isinstance(value, list):
        return sorted((in_order(each) for each in value), key=json.dumps)
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return value


def unlike(one: tuple, other: tuple) -> str:
    """Where two replies differ, or nothing."""
    for what, *pair in zip(("status", "headers", "body"), one, other, strict=True):
        if pair[0] != pair[1]:
            texts = [each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in pair]
            place = max(0, len(os.path.commonprefix(texts)) - 80)
            without, with_foreign = (repr(text[place : place + 240]) for text in texts)
            return f"{what}: {without} without, {with_foreign} with foreign objects"
    return ""


def asked(exchanges: Iterable[Exchange], text: str) -> list[str]:
    """What the daemon was asked, except for the name and for Dockgate's random word."""
    requests = (f"{each.method} {each.target} ".encode() + each.request_body.content for each in exchanges)
    return [without_name(RANDOM.sub(b"<random>", each), text).decode(errors="replace") for each in requests]


def bare(answer: bytes, text: str) -> bytes:
    """An answer to the byte, except for its date and the name that was sent."""
    return without_name(DATE.sub(b"Date:", answer), text)


def without_name(data: bytes, text: str) -> bytes:
    return data.replace(text.encode(), b"<name>").replace(text.upper().encode(), b"<NAME>")
