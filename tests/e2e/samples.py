"""Small pictures for tests: PNG is written here, JPEG and WebP were made once by other programs."""

import base64
import struct
import zlib


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width, height):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def png(color, width=40, height=40):
    rows = b"".join(b"\0" + bytes(color) * width for _ in range(height))
    return png_header(width, height) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5a"
    "YVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAAR"
    "CAAoADADASIAAhEBAxEB/8QAGQAAAwEBAQAAAAAAAAAAAAAAAAQFAQMC/8QALhAAAgEEAAUCAwkBAAAAAAAAAQIDAAQFERIhMUFhUdETMvAi"
    "QlJxcoGhscHh/8QAFwEBAQEBAAAAAAAAAAAAAAAABQQCA//EACYRAAEDBAEDBAMAAAAAAAAAAAEAAgQDBRExEiFBkRRRYaHB4fD/2gAMAwEA"
    "AhEDEQA/AOleZJEiXikbQrXYIjMeijZqLNK00pdu/Qeg9Kit8Ay3Ek4aFdMliOBgZJTrZJQfsRkjydVqZFCdOhXyDup1O4zF3OTldYOBEiUv"
    "JLIeFIx5P1/Bp51phhvUY+clEi4SC7f0qdsj3bolspkaT5QO9VZWtcRxwwhbm8KFJJG0UiJ6gDXM65HfuKlSZi2xcCWOEZzGdNcXWirzH0Hc"
    "AfXcnzQEuKYhGO+if7aXj1xIHXtsLhegm0k0N9P7qRV1lDKVYbBGjWxYe2sbNsjmC/wWOra3RtNOevM9l13/AObRsslrWOpHec/hRXOi4uDx"
    "rSWxeHNyi3l/KtpjgTxTOQC+vuoOpPXt2PUjVGSzAmtzYY+BbTHhywjBJaTy52d/l25ddCuGXyk2UuA7qscMY4YYU+WJfQe/+aFI061hceT/"
    "AB7ftFFwHRqKtwAiCMEaIUbH7VMtLYzOCyn4Y6npuq1AXyQ1xbSbsbS9rouaDUPdWY4oMKTLdFJr4AGOEc1jJ7sfUenvsSrqaW8cvdOZWP4+"
    "ffevA8UUUNUJa7i3QSVMBzeR2Ui1hAx2OJfAPvWpYwIdkFv1GiiuhnSS3jzPlY9LRBzxCZAAAAGgOgoooqVUL//Z"
)

WEBP = base64.b64decode(
    "UklGRgQCAABXRUJQVlA4IPgBAADQCwCdASowACgAPtFYpU0oJSOiKrqsAQAaCWwAnTKz96fAcUlw3uAfcBvj/MB5vHpA3g70K+k9/cNhgrQU"
    "AHtHoJfXN+uReSlybfm7FRmTbtiznwusntEGo9wzUUFlEEq7sHOG5JAAANN59UXzUVoKsdQcw4+fT/8WfeF5NEjVZgZg5YHlf+3WpAl5+Qhm"
    "e3Iq8WQLoo59JjH8G/rDJJrOsybyxKEZRP0KW8wbta9R6Q3ilaba7lGMAUhqfcAYSSMe2W6hxwUblU5wbgrkyMcI1GmxX1Sc1y5vdjd0RTLQ"
    "nxQIVS3jmpKb2nJYgJVbEAZzuf88s3YjC6fadiMPiT3c8s/pHDfh+E7WfOeQEG7ZjK/Zn7PpqvACmP2RP1KUfP++dVWA4Ih6Oj23kc231Y/W"
    "uEFOVBK9d8Tleq1v4B3yHY/iHHanNLDYoG7YubAQFPVx+x2Ud8rc0224w8W5NM4bIRGE457YIIAC523sMzpR7UtxfZFPfxbB+8mCnDB1wch/"
    "38VefBDf4b8t3dZlMujI9eRRZzPCO/9P3of5Z+EOwtwLSM61iBwlYKGvxw7o640FgxtG0I0h9lMwIx4MBokhVorneSpe8xLJ5gqf/VVSEJGO"
    "FUC306rG+AnJyVyOitvuHeJEBvvm5UPCsGFUJ7HyhXX+BgAAAAA="
)

