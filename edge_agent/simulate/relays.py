"""Virtual relays of other makers, as those document them: they obey, time out by their own timer, reboot and lie.

Each is driven by its owner: `receive` what comes on one of its `topics`, `tick` as time passes; both return what it
says. Seconds are counted by whatever clock the owner has.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

#: PulseTime counts tenths of a second up to here, and seconds less 100 beyond.
_TENTHS, _SECONDS_OFFSET = 111, 100
_TASMOTA = re.compile(r"(?i)\s*(power|pulsetime)(\d*)\s*(\S*)\s*")
_TRUE, _FALSE = {"1", "on", "true"}, {"0", "off", "false"}


class Saying(NamedTuple):
    """What a device publishes."""

    topic: str
    payload: str
    retain: bool = False


class Device(Protocol):
    """One device: what it listens to, its last will, and what it says when."""

    topics: tuple[str, ...]
    will: Saying

    def connected(self) -> list[Saying]:
        """Say hello."""
        ...

    def receive(self, topic: str, payload: bytes, seconds: float) -> list[Saying]:
        """Obey, as far as it understands."""
        ...

    def tick(self, seconds: float) -> list[Saying]:
        """Note the time."""
        ...


class Output:
    """One output with its timer. `stuck`: it says that it obeys and stays as it is."""

    def __init__(self) -> None:
        self.on = False
        self.stuck = False
        self.ends_at: float | None = None
        self.switched = 0

    def __repr__(self) -> str:
        return f"Output({'on' if self.on else 'off'}, timer {self.ends_at})"

    def switch(self, *, on: bool) -> None:
        """Switch, as far as it is not stuck."""
        if not self.stuck and on is not self.on:
            self.on = on
            self.switched += 1

    def is_over(self, seconds: float) -> bool:
        """Whether its timer has run out by now; it is none any more then."""
        if self.ends_at is None or seconds < self.ends_at:
            return False
        self.ends_at = None
        return True


class Tasmota:
    """A device with the Tasmota firmware and as many relays as are asked for."""

    def __init__(self, topic: str, relays: int = 1) -> None:
        self.outputs = [Output() for _ in range(relays)]
        self._topic = topic
        self._pulse_seconds = [0.0] * relays
        self.topics = (f"cmnd/{topic}/+",)
        self.will = Saying(f"tele/{topic}/LWT", "Offline", retain=True)

    def __repr__(self) -> str:
        return f"Tasmota({self._topic}, {self.outputs})"

    def connected(self) -> list[Saying]:
        """Say that it is there, and what it does."""
        return [Saying(self.will.topic, "Online", retain=True), self.state()]

    def reboot(self) -> list[Saying]:
        """Begin anew; outputs are off, as `PowerOnState 0` has them. PulseTime is kept in flash."""
        for output in self.outputs:
            output.on, output.ends_at = False, None
        return self.connected()

    def state(self) -> Saying:
        """Return the telemetry of its state."""
        powers = {self._name(number): self._word(output) for number, output in enumerate(self.outputs)}
        return Saying(f"tele/{self._topic}/STATE", json.dumps({"Time": "2026-11-22T11:00:00", **powers}))

    def receive(self, topic: str, payload: bytes, seconds: float) -> list[Saying]:
        """Carry out a command, or those of a backlog one after the other."""
        name = topic.rpartition("/")[2]
        text = payload.decode(errors="replace")
        commands = text.split(";") if name.lower() in {"backlog", "backlog0"} else [f"{name} {text}"]
        return [said for command in commands for said in self._carry_out(command, seconds)]

    def tick(self, seconds: float) -> list[Saying]:
        """Switch off what has been on for its PulseTime."""
        said: list[Saying] = []
        for number, output in enumerate(self.outputs):
            if output.is_over(seconds):
                output.switch(on=False)
                said += self._results(number)
        return said

    def _carry_out(self, command: str, seconds: float) -> Iterable[Saying]:
        found = _TASMOTA.fullmatch(command)
        number = int(found[2] or 1) - 1 if found else -1
        if found is None or not 0 <= number < len(self.outputs):
            yield Saying(f"stat/{self._topic}/RESULT", '{"Command":"Unknown"}')
        elif found[1].lower() == "pulsetime":
            told = int(found[3]) if found[3].isdecimal() else 0
            self._pulse_seconds[number] = told / 10 if told <= _TENTHS else told - _SECONDS_OFFSET
            result = {f"PulseTime{number + 1}": {"Set": told, "Remaining": told}}
            yield Saying(f"stat/{self._topic}/RESULT", json.dumps(result))
        else:
            if found[3].lower() in _TRUE | _FALSE:
                self._switch(number, seconds, on=found[3].lower() in _TRUE)
            yield from self._results(number)

    def _switch(self, number: int, seconds: float, *, on: bool) -> None:
        output, pulse = self.outputs[number], self._pulse_seconds[number]
        output.switch(on=on)
        output.ends_at = seconds + pulse if on and pulse else None

    def _results(self, number: int) -> list[Saying]:
        name, word = self._name(number), self._word(self.outputs[number])
        return [
            Saying(f"stat/{self._topic}/RESULT", json.dumps({name: word})),
            Saying(f"stat/{self._topic}/{name}", word),
        ]

    def _name(self, number: int) -> str:
        return "POWER" if len(self.outputs) == 1 else f"POWER{number + 1}"

    @staticmethod
    def _word(output: Output) -> str:
        return "ON" if output.on else "OFF"


class Shelly:
    """A Shelly of the second generation or later, with generic status updates switched on."""

    def __init__(self, prefix: str, switches: int = 1) -> None:
        self.outputs = [Output() for _ in range(switches)]
        self._prefix = prefix
        self._began: list[tuple[float, float] | None] = [None] * switches
        self.topics = (f"{prefix}/rpc",)
        self.will = Saying(f"{prefix}/online", "false", retain=True)

    def __repr__(self) -> str:
        return f"Shelly({self._prefix}, {self.outputs})"

    def connected(self) -> list[Saying]:
        """Say that it is there, and what it does."""
        return [Saying(self.will.topic, "true", retain=True), *map(self._status, range(len(self.outputs)))]

    def reboot(self) -> list[Saying]:
        """Begin anew; outputs are off, as `initial_state = "off"` has them."""
        for number, output in enumerate(self.outputs):
            output.on, output.ends_at = False, None
            self._began[number] = None
        return self.connected()

    def receive(self, _topic: str, payload: bytes, seconds: float) -> list[Saying]:
        """Carry out a call of `Switch.Set`, and answer who asked."""
        try:
            call = json.loads(payload)
            source, identity, params = call["src"], call["id"], call.get("params", {})
        except (ValueError, KeyError, TypeError, AttributeError):
            return []
        answer = {"id": identity, "src": self._prefix, "dst": source}
        number = params.get("id")
        if call.get("method") != "Switch.Set" or not isinstance(params.get("on"), bool):
            return [self._answer(answer, error={"code": 404, "message": f"No handler for {call.get('method')}"})]
        if not isinstance(number, int) or not 0 <= number < len(self.outputs):
            return [self._answer(answer, error={"code": -105, "message": f"Argument 'id', value {number} not found!"})]
        output = self.outputs[number]
        was_on, timer = output.on, params.get("toggle_after")
        output.switch(on=params["on"])
        output.ends_at = None if timer is None else seconds + timer
        self._began[number] = None if timer is None else (seconds, timer)
        said = [self._answer(answer, result={"was_on": was_on})]
        return [*said, self._status(number)] if timer is not None or was_on is not output.on else said

    def tick(self, seconds: float) -> list[Saying]:
        """Flip back what has been so for its time."""
        said = []
        for number, output in enumerate(self.outputs):
            if output.is_over(seconds):
                output.switch(on=not output.on)
                self._began[number] = None
                said.append(self._status(number))
        return said

    def _answer(self, answer: dict[str, object], **more: object) -> Saying:
        return Saying(f"{answer['dst']}/rpc", json.dumps(answer | more))

    def _status(self, number: int) -> Saying:
        began = self._began[number]
        timer = {} if began is None else {"timer_started_at": began[0], "timer_duration": began[1]}
        status = {"id": number, "source": "MQTT", "output": self.outputs[number].on, **timer}
        return Saying(f"{self._prefix}/status/switch:{number}", json.dumps(status))
