"""What the kernel knows of time: which boot this is, how long it lasts, and whether the wall clock is right.

In a container boot and uptime are the host's, which is what intervals need. Linux only; elsewhere nobody knows.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UPTIME = Path("/proc/uptime")
#: systemd-timesyncd leaves this once it has set the clock; gone with the next boot.
_SET_ONCE = Path("/run/systemd/timesync/synchronized")
_ROUGH_SECONDS = 0.05
#: Of adjtimex(2): the state and the bit that say "not synchronized".
_TIME_ERROR = 5
_STA_UNSYNC = 0x40
_STRUCT_REST_BYTES = 512


def boot_id() -> str:
    """Return what names this boot of the machine; empty where nobody knows."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def uptime() -> float:
    """Return the seconds since the boot, sleep included.

    The clock that tells them finely is believed as far as /proc, which tells hundredths, agrees: a preloaded library
    that shifts the clocks of a process (libfaketime) does not reach /proc.
    """
    try:
        rough = float(_UPTIME.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return time.monotonic()
    fine = time.clock_gettime(time.CLOCK_BOOTTIME)
    return fine if abs(fine - rough) < _ROUGH_SECONDS else rough


def synchronized() -> bool:
    """Return whether something keeps the wall clock right: by the kernel's word, else by systemd-timesyncd's.

    Where neither can be asked (another system, a sandbox that forbids the call) the answer is no.
    """
    known = _kernel_says()
    return _SET_ONCE.exists() if known is None else known


def _kernel_says() -> bool | None:
    """Return whether the kernel holds the wall clock for synchronized; None where it cannot be asked."""
    ask = _adjtimex()
    if ask is None:
        return None
    state, status = ask()
    return None if state < 0 else state != _TIME_ERROR and not status & _STA_UNSYNC


@cache
def _adjtimex() -> Callable[[], tuple[int, int]] | None:
    """Return what asks adjtimex(2) for the clock's state and status; None where there is no such call."""
    try:
        import ctypes  # noqa: PLC0415 - where it is forbidden, only this fails

        function = ctypes.CDLL(None).adjtimex
    except (ImportError, AttributeError, MemoryError, OSError):
        return None

    class Timex(ctypes.Structure):
        """The first members of `struct timex`; `modes` 0 asks and changes nothing."""

        _fields_ = (
            ("modes", ctypes.c_uint),
            ("offset", ctypes.c_long),
            ("freq", ctypes.c_long),
            ("maxerror", ctypes.c_long),
            ("esterror", ctypes.c_long),
            ("status", ctypes.c_int),
            ("rest", ctypes.c_byte * _STRUCT_REST_BYTES),
        )

    def ask() -> tuple[int, int]:
        answer = Timex()
        return function(ctypes.byref(answer)), answer.status

    return ask
