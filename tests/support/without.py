"""Becomes another program, in which some system calls fail.

    without.py ipv6 PROGRAM ARGUMENT...     there are no IPv6 sockets
    without.py chmod PROGRAM ARGUMENT...    no file's mode can be changed
"""

import ctypes
import os
import platform
import struct
import sys

EPERM, EAFNOSUPPORT, AF_INET6 = 1, 97, 10
X86 = platform.machine() == "x86_64"
# The number of a system call, the first argument with which it fails (none for any), and the error.
FAILING = {
    "ipv6": [(41 if X86 else 198, AF_INET6, EAFNOSUPPORT)],
    "chmod": [(number, None, EPERM) for number in ([90, 268, 452] if X86 else [53, 452])],
}
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, FIRST_ARGUMENT = 0, 16
ALLOW, FAIL = 0x7FFF0000, 0x00050000
SET_NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_char_p)]


def lines(rules):
    for number, argument, error in rules:
        then = [] if argument is None else [(LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 0, 1, argument)]
        then.append((RETURN, 0, 0, FAIL | error))
        yield from [(LOAD, 0, 0, NUMBER), (EQUAL, 0, len(then), number), *then]
    yield (RETURN, 0, 0, ALLOW)


packed = [struct.pack("<HBBI", *line) for line in lines(FAILING[sys.argv[1]])]
prctl = ctypes.CDLL(None, use_errno=True).prctl
for arguments in (
    (SET_NO_NEW_PRIVS, 1, 0, 0, 0),
    (SET_SECCOMP, FILTER, ctypes.byref(Program(len(packed), b"".join(packed))), 0, 0),
):
    if prctl(*arguments) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
os.execvp(sys.argv[2], sys.argv[2:])
