"""A link that loses packets: a TUN device of this machine and a thread that sends back what comes out of it, or not.

Whatever is sent to FAR comes out of the device as an IP packet; with its addresses exchanged it goes in again, as if
FAR had sent it to NEAR. So a connection to FAR reaches what listens at NEAR, over two real TCP ends, and each packet of
either passes here once. The addresses are of RFC 5737: no packet of them ever leaves the machine. Needs root.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

NEAR, FAR = "198.51.100.1", "198.51.100.2"

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SIOCSIFADDR, _SIOCSIFDSTADDR, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8916, 0x8918, 0x8913, 0x8914
_IFF_UP = 0x1
_DEVICE = b"edgeloss0"
_IPV4 = 4


class LossyLink:
    """A link to FAR that loses the share `loss` of all packets. Raises OSError where the device may not be made."""

    def __init__(self, chance: random.Random) -> None:
        self.loss = 0.0
        self.passed = self.lost = 0
        self._chance = chance
        self._device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        self._woken, self._wake = os.pipe()
        try:
            fcntl.ioctl(self._device, _TUNSETIFF, struct.pack("16sH22x", _DEVICE, _IFF_TUN | _IFF_NO_PI))
            _raise_up()
        except OSError:
            for each in (self._device, self._woken, self._wake):
                os.close(each)
            raise
        self._thread = threading.Thread(target=self._run, name="lossy link", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take the device away."""
        os.close(self._wake)
        self._thread.join(timeout=10)
        os.close(self._device)
        os.close(self._woken)

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._device, self._woken], [], [])
            if self._woken in ready:
                return
            self._forward(os.read(self._device, 65536))

    def _forward(self, packet: bytes) -> None:
        if packet[0] >> 4 != _IPV4:
            return
        if self._chance.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        # Both checksums are sums: they hold as well with the addresses exchanged.
        os.write(self._device, packet[:12] + packet[16:20] + packet[12:16] + packet[20:])


def _raise_up() -> None:
    """Give the device its addresses and switch it on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for order, address in ((_SIOCSIFADDR, NEAR), (_SIOCSIFDSTADDR, FAR)):
            fcntl.ioctl(control, order, struct.pack("16sHH4s8x", _DEVICE, socket.AF_INET, 0, socket.inet_aton(address)))
        told = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sH22x", _DEVICE, 0))
        (flags,) = struct.unpack_from("H", told, 16)
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", _DEVICE, flags | _IFF_UP))
