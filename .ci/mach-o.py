#!/usr/bin/env python3
"""Reads the headers of a macOS program, which does not run here: `.ci/mach-o.py FILE ARCHITECTURE MINIMUM-VERSION`.

Fails unless both match and the signature is valid. Apple silicon runs nothing unsigned; Intel needs no signature.
"""

import hashlib
import struct
import sys

ARCHITECTURES = {0x0100000C: "aarch64", 0x01000007: "x86_64"}
BUILD_VERSION, CODE_SIGNATURE = 0x32, 0x1D
ADHOC = 0x2


def load_commands(data):
    """Returns the architecture, and the load commands by number."""
    magic, cpu, _, _, count = struct.unpack_from("<5I", data)
    assert magic == 0xFEEDFACF, "not a 64-bit Mach-O file"
    commands, at = {}, 32
    for _ in range(count):
        number, size = struct.unpack_from("<2I", data, at)
        commands[number] = data[at + 8 : at + size]
        at += size
    return ARCHITECTURES.get(cpu, hex(cpu)), commands


def signature(data, command):
    """Describes the code signature; every page of the file must have the hash that it lists."""
    start, _ = struct.unpack_from("<2I", command)
    magic, _, blobs = struct.unpack_from(">3I", data, start)
    assert magic == 0xFADE0CC0, "not a code signature"
    for number in range(blobs):
        kind, at = struct.unpack_from(">2I", data, start + 12 + 8 * number)
        if kind == 0:
            return code_directory(data, start + at, start)
    raise AssertionError("the signature has no code directory")


def code_directory(data, at, end):
    magic, _, _, flags, hashes, _, _, count, limit = struct.unpack_from(">9I", data, at)
    hash_size, hash_kind, _, page_bits = data[at + 36 : at + 40]
    assert magic == 0xFADE0C02 and (hash_size, hash_kind) == (32, 2), "not a code directory of SHA-256"
    assert limit == end, f"{limit} bytes are signed, but the signature begins at {end}"
    page = 1 << page_bits
    assert count == -(-limit // page), "the number of hashes is not the number of pages"
    for number in range(count):
        listed = data[at + hashes + 32 * number :][:32]
        actual = hashlib.sha256(data[number * page : min(limit, (number + 1) * page)]).digest()
        assert listed == actual, f"page {number} does not have its hash"
    return f"{'ad-hoc' if flags & ADHOC else 'not ad-hoc'} signature, valid for {count} pages"


def main(path, architecture, minimum):
    with open(path, "rb") as file:
        data = file.read()
    found, commands = load_commands(data)
    assert found == architecture, f"it is for {found}; expected {architecture}"
    assert BUILD_VERSION in commands, "it has no minimum version"
    platform, version = struct.unpack_from("<2I", commands[BUILD_VERSION])
    version = f"{version >> 16}.{version >> 8 & 255}"
    assert (platform, version) == (1, minimum), f"it is for platform {platform}, version {version}; expected macOS {minimum}"
    signed = signature(data, commands[CODE_SIGNATURE]) if CODE_SIGNATURE in commands else "no signature"
    assert architecture == "x86_64" or signed.startswith("ad-hoc"), f"{signed}: it would not start on Apple silicon"
    print(f"{path}: {architecture}, macOS {version} or newer, {signed}")


try:
    main(*sys.argv[1:])
except AssertionError as problem:
    sys.exit(f"{sys.argv[1]}: {problem}")
