"""seccomp filters under which a test starts a program."""
import ctypes
import struct

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
KILL_PROCESS, NOT_THERE, REFUSED, ALLOW = 0x80000000, 0x00050000 | 38, 0x00050000 | 1, 0x7FFF0000


def under(steps):
    """From now on this process and what it starts; steps: (code, jump if true, jump if false, value)."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for what in ((38, 1, 0), (22, 2, program)):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        if libc.prctl(*what, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
