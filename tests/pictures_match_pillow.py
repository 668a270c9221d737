#!/usr/bin/env python3
"""Pictures become the tensors that Pillow would make of them.

    pictures_match_pillow.py IMAGE_DUMP [--speed] [PICTURE...]

Generates pictures of every kind that Pillow or a few lines of zlib can write, runs IMAGE_DUMP (built with the
tests) on them and on the PICTUREs given, does the same with Pillow (open, exif_transpose, convert, resize, crop),
and fails when any picture differs by more than 2 levels of 255 on average. --speed also times both over the
PICTUREs, in turns, and prints the ratio; nothing depends on it. Needs Pillow and numpy.
"""
import io
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy
from PIL import Image, ImageOps

ALLOWED = 2.0  # levels of 255, mean of absolute differences over one picture
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def scene(width, height, mode="RGB", seed=1):
    """Something like a photograph: slopes, edges, coloured discs and a little noise."""
    rng = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width].astype(numpy.float32)
    picture = numpy.stack([x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)], -1)
    for _ in range(12):
        cx, cy = rng.uniform(0, width), rng.uniform(0, height)
        radius = rng.uniform(0.05, 0.25) * min(width, height)
        picture[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = rng.uniform(0, 255, 3)
    picture += rng.normal(0, 4, picture.shape)
    return Image.fromarray(picture.clip(0, 255).astype(numpy.uint8)).convert(mode)


def png(width, height, depth, color, rows, interlace=False, chunks=()):
    """A PNG by hand: `rows` is a numpy array (height, width, channels) of samples of `depth` bits."""
    def packed(part):
        lines = []
        for row in part:
            flat = row.reshape(-1)
            if depth == 16:
                line = flat.astype(">u2").tobytes()
            elif depth == 8:
                line = flat.astype(numpy.uint8).tobytes()
            else:
                bits = numpy.unpackbits(flat.astype(numpy.uint8)[:, None], axis=1)[:, 8 - depth:]
                line = numpy.packbits(bits.reshape(-1)).tobytes()
            lines.append(b"\0" + line)
        return b"".join(lines)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    parts = [rows[y::dy, x::dx] for x, y, dx, dy in passes] if interlace else [rows]
    body = b"".join(packed(part) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlace))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*c) for c in chunks)
            + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b""))


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def saved(picture, kind, **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def generated():
    """(name, bytes, what Pillow should be shown instead, if it reads such a file wrongly) of every kind."""
    photo, tall = scene(400, 300), scene(301, 467, seed=2)
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield f"jpeg {subsampling}", saved(photo, "JPEG", quality=90, subsampling=subsampling), None
    for subsampling in ("4:4:4", "4:2:0"):
        yield (f"jpeg progressive {subsampling}",
               saved(tall, "JPEG", quality=90, progressive=True, subsampling=subsampling), None)
    yield "jpeg rgb", saved(photo, "JPEG", quality=90, keep_rgb=True), None
    yield "jpeg gray", saved(photo.convert("L"), "JPEG", quality=90), None
    yield "jpeg cmyk", saved(photo.convert("CMYK"), "JPEG", quality=90), None
    for size in ((600, 600), (1030, 777), (1601, 1203), (2500, 1800), (4099, 3001)):
        yield f"jpeg {size[0]}x{size[1]}", saved(scene(*size), "JPEG", quality=90), None
    for size in ((1, 1), (2, 3), (7, 5), (17, 900), (900, 17), (64, 48), (257, 256)):
        yield f"jpeg {size[0]}x{size[1]}", saved(scene(*size), "JPEG", quality=95), None
        yield f"png {size[0]}x{size[1]}", saved(scene(*size), "PNG"), None
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
        picture = photo.convert("RGB").quantize(64) if mode == "P" else photo.convert(mode, dither=Image.Dither.NONE)
        if mode == "RGBA":
            picture.putalpha(scene(400, 300, "L", seed=3))
        yield f"png {mode}", saved(picture, "PNG"), None
    yield "png P with tRNS", saved(photo.quantize(16), "PNG", transparency=3), None
    array = numpy.asarray(photo)
    gray = numpy.asarray(photo.convert("L"))[:, :, None]
    yield "png RGB with tRNS", saved(photo, "PNG", transparency=tuple(int(v) for v in array[9, 9])), None
    wide = array.astype(numpy.uint16) * 256 + 77
    gray16 = gray.astype(numpy.uint16) * 256 + 200
    yield "png 16 bit rgb", png(400, 300, 16, 2, wide), photo
    yield "png 16 bit gray", png(400, 300, 16, 0, gray16), photo.convert("L")
    yield "png 16 bit rgba", png(400, 300, 16, 6, numpy.concatenate([wide, gray16], 2)), photo
    yield "png 16 bit gray alpha", png(400, 300, 16, 4, numpy.concatenate([gray16, gray16], 2)), photo.convert("L")
    for depth in (1, 2, 4, 8):
        low = gray >> (8 - depth)
        yield f"png gray {depth} bit", png(400, 300, depth, 0, low), None
        palette = [(b"PLTE", bytes(random.Random(depth).randbytes(3 * 2**depth)))]
        yield f"png palette {depth} bit", png(400, 300, depth, 3, low, chunks=palette), None
    yield "png interlaced", png(400, 300, 8, 2, array, interlace=True), None
    yield "png interlaced 5x3", png(5, 3, 8, 2, array[:3, :5], interlace=True), None
    yield "png interlaced 16 bit", png(400, 300, 16, 2, wide, interlace=True), photo
    yield "webp lossy", saved(tall, "WEBP", quality=90), None
    yield "webp lossless", saved(photo, "WEBP", lossless=True), None
    translucent = tall.convert("RGBA")
    translucent.putalpha(scene(301, 467, "L", seed=4))
    yield "webp lossy alpha", saved(translucent, "WEBP", quality=90), None
    yield "webp lossless alpha", saved(translucent, "WEBP", lossless=True, exact=True), None
    yield "webp animated", saved(photo, "WEBP", save_all=True, append_images=[scene(400, 300, seed=9)]), None
    for orientation in range(1, 9):
        yield f"jpeg orientation {orientation}", saved(tall, "JPEG", quality=95, exif=exif(orientation)), None
        yield f"png orientation {orientation}", saved(tall, "PNG", exif=exif(orientation)), None
        yield f"webp orientation {orientation}", saved(tall, "WEBP", lossless=True, exif=exif(orientation)), None


def reference(picture, fit, filter_name, color, size=224, shorter=256):
    picture = ImageOps.exif_transpose(picture).convert("L" if color == "gray" else "RGB")
    resample = FILTERS[filter_name]
    if fit == "stretch":
        picture = picture.resize((size, size), resample)
    elif fit == "pad":
        picture = ImageOps.pad(picture, (size, size), resample)
    else:
        width, height = picture.size
        if width <= height:
            to = (shorter, int(shorter * height / width))
        else:
            to = (int(shorter * width / height), shorter)
        # Of a strip, only the part around the crop: Pillow would need gigabytes for all of it.
        left, top = round((to[0] - size) / 2), round((to[1] - size) / 2)
        scale = (width / to[0], height / to[1])
        box = (left * scale[0], top * scale[1], (left + size) * scale[0], (top + size) * scale[1])
        picture = picture.resize(to, resample).crop((left, top, left + size, top + size)) \
            if to[0] * to[1] < 10**8 else picture.resize((size, size), resample, box)
    array = numpy.asarray(picture).reshape(size, size, -1)
    return array[:, :, ::-1] if color == "bgr" else array


def dump(program, files, fit, filter_name, color):
    """The tensors of `files`, or None where image_dump refused."""
    channels = 1 if color == "gray" else 3
    done = subprocess.run([program, f"FIT={fit}", f"FILTER={filter_name}", f"COLOR={color}", *map(str, files)],
                          capture_output=True, check=True)
    tensors = numpy.frombuffer(done.stdout, numpy.uint8).reshape(len(files), 224, 224, channels)
    said = done.stderr.decode(errors="replace").splitlines()
    return [(tensor if line == "ok" else None, line) for tensor, line in zip(tensors, said, strict=True)]


def difference(tensor, expected):
    return float(numpy.abs(tensor.astype(numpy.int16) - expected.astype(numpy.int16)).mean())


def compare(program, cases, fit, filter_name, color):
    """[(name, mean difference)]; a picture that was refused counts as 255."""
    results = []
    dumped = dump(program, [case[1] for case in cases], fit, filter_name, color)
    for (name, path, shown), (tensor, said) in zip(cases, dumped):
        with (Image.open(path) if shown is None else shown.copy()) as picture:
            expected = reference(picture, fit, filter_name, color)
        if tensor is None:
            print(f"FAILED {name}: {said}")
        results.append((name, 255.0 if tensor is None else difference(tensor, expected)))
    return results


def report(title, results, each):
    values = sorted(value for _, value in results)
    if each:
        for name, value in results:
            print(f"    {value:6.3f}  {name}")
    print(f"{title}: {len(values)} pictures, difference mean {statistics.mean(values):.3f}, "
          f"median {statistics.median(values):.3f}, 99% {values[int(len(values) * 0.99)]:.3f}, most {values[-1]:.3f}")
    bad = [(name, value) for name, value in results if value > ALLOWED]
    for name, value in bad:
        print(f"FAILED {name} ({title}): differs by {value:.3f} levels, {ALLOWED} are allowed")
    return not bad


def speed(program, files):
    def pillow():
        start = time.process_time()
        for file in files:
            with Image.open(file) as picture:
                reference(picture, "crop", "bilinear", "rgb")
        return (time.process_time() - start) / len(files) * 1e6

    def ours():
        done = subprocess.run([program, "REPEAT=1", *map(str, files)], capture_output=True, check=True)
        return float(done.stderr)

    pairs = [(pillow(), ours()) for _ in range(5)]
    a, b = (statistics.median(column) for column in zip(*pairs))
    print(f"microseconds a picture, medians of 5 in turns: Pillow {a:.0f}, headrace {b:.0f}, ratio "
          f"{statistics.median(p / o for p, o in pairs):.2f}")


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--speed"]
    program, pictures = arguments[0], [Path(argument) for argument in arguments[1:]]
    good = True
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for i, (name, content, shown) in enumerate(generated()):
            path = Path(folder) / f"{i}.bin"
            path.write_bytes(content)
            cases.append((name, path, shown))
        for fit, filter_name, color in (("crop", "bilinear", "rgb"), ("crop", "bicubic", "rgb"),
                                        ("pad", "bilinear", "bgr"), ("stretch", "bicubic", "gray")):
            results = compare(program, cases, fit, filter_name, color)
            good &= report(f"generated, {fit} {filter_name} {color}", results, (fit, filter_name) == ("crop", "bilinear"))
    if pictures:
        cases = [(str(path), path, None) for path in pictures]
        for filter_name in FILTERS:
            good &= report(f"real, crop {filter_name} rgb", compare(program, cases, "crop", filter_name, "rgb"), False)
        if "--speed" in sys.argv:
            speed(program, pictures)
    print("all pictures match" if good else "some pictures differ")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
