#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# xscreen.py FRAMEBUFFER PICTURE: looks at the screen that Xvfb keeps in the file
# FRAMEBUFFER (-fbdir; X's window dump format, 32 bits a pixel), where an editor
# shows text on white. Prints "marked" if a line of it is in the colour of errors,
# "plain" if none is, "blank" if there is no text's background yet; writes what
# it saw as PICTURE (PNG).
import collections
import struct
import sys
import zlib

WIDE = 300  # pixels of one colour in a row: a line's background, no word


def read_screen(path):
    """The rows, each the bytes B, G, R, unused of its pixels."""
    with open(path, "rb") as f:
        data = f.read()
    head = struct.unpack(">25I", data[:100])
    size, version, width, height, bits, row, colours = (
        head[0], head[1], head[4], head[5], head[11], head[12], head[19])
    if version != 7 or bits != 32:
        sys.exit("%s: version %d, %d bits" % (path, version, bits))
    start = size + 12 * colours
    return [data[start + y * row:start + y * row + 4 * width]
            for y in range(height)]


def is_error(pixel):
    blue, green, red, _ = pixel
    return red > 200 and min(red - green, red - blue) > 15


def look(rows):
    white = marked = 0
    for row in rows:
        if row.count(b"\xff\xff\xff") >= WIDE:
            white += 1
            continue
        pixels = [row[i:i + 4] for i in range(0, len(row), 4)]
        common, count = collections.Counter(pixels).most_common(1)[0]
        if count >= WIDE and is_error(common):
            marked += 1
    if white < 100:
        return "blank"
    return "marked" if marked >= 5 else "plain"


def png(rows):
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))

    lines = bytearray()
    for row in rows:
        line = bytearray(len(row) // 4 * 3)
        for i in range(3):
            line[i::3] = row[2 - i::4]
        lines += b"\0" + line
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]) // 4,
                                       len(rows), 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(bytes(lines))) + chunk(b"IEND", b""))


screen = read_screen(sys.argv[1])
with open(sys.argv[2], "wb") as out:
    out.write(png(screen))
print(look(screen))
