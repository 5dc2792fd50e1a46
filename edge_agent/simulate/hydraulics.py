"""EPANET's hydraulics, stepped in their own time. The only module that knows the toolkit.

Source: EPANET 2.3 toolkit (owa-epanet), functions openH, initH, runH and nextH. runH solves the network at the present
hydraulic time; nextH moves the tanks to the next event, which is the end of the hydraulic step or an earlier change of
a pattern, a full or empty tank, or a control that acts.
"""

from __future__ import annotations

import math
import warnings
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edge_agent.errors import SimulationError
from edge_agent.model.units import conversion
from edge_agent.simulate.account import Account
from edge_agent.simulate.network import Element
from edge_agent.simulate.prices import NetworkPrices, read_prices
from edge_agent.simulate.survey import survey_network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from edge_agent.simulate.network import DayRecord, Network

_LONGEST_SECONDS = 2**31 - 1  # what a C long holds everywhere; 68 years
_MORE_TRIALS = 10
_VACUUM_METRES = -10.0


def _load_toolkit() -> Any:  # noqa: ANN401 - the toolkit ships no types
    try:
        from epanet import toolkit  # noqa: PLC0415 - only simulations need EPANET, a gateway has none
    except ImportError as error:
        raise SimulationError(
            "EPANET is missing: pip install 'edge-agent[sim]', in a clone make demo; "
            "where it has no wheel (Python 3.13, 64-bit ARM) that takes apt-get install gcc g++ python3-dev."
        ) from error
    return toolkit


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn the toolkit's bare exceptions into ours; its warnings (low pressure, unconnected nodes) are no errors."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        raise SimulationError(f"{doing}: {error}.") from error


class Hydraulics:
    """A network under calculation. Times are whole seconds since its start; it runs past the file's duration.

    Values are in `network.units`, power in kW, energy in kWh. With `remove_controls` the file's controls, rules and
    pump speed patterns are taken out. Every method raises SimulationError; reading an unknown element raises KeyError.
    """

    def __init__(self, inp_path: Path | str, *, remove_controls: bool = True, step_seconds: int = 60) -> None:
        self._path = Path(inp_path)
        self._step_seconds = step_seconds
        self._toolkit = _load_toolkit()
        self._folder = TemporaryDirectory(prefix="edge-agent-epanet-")
        self._project: Any = None
        self._indices: Mapping[Element, int] = {}
        self._flow_factor = 1.0
        self._vacuum = _VACUUM_METRES
        self._positions: dict[str, float] = {}
        self._remove_controls = remove_controls
        self._stale = True
        self.seconds = 0
        self.network: Network
        self._pumps: tuple[str, ...]
        self._account: Account
        self._tariff: NetworkPrices

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the network and remove EPANET's temporary files."""
        project, self._project = self._project, None
        if project is not None:
            self._toolkit.deleteproject(project)  # closes it where it is open; closing twice frees memory twice
        self._folder.cleanup()

    def advance(self, to_seconds: float) -> None:
        """Calculate until the hydraulic clock shows the last whole second of `to_seconds`. Going back does nothing."""
        target, toolkit = math.floor(to_seconds), self._toolkit
        while self.seconds < target:
            self._solve()
            with _translated(f"{self._path.name} cannot be calculated at {self.seconds} s"):
                step = min(self._step_seconds, target - self.seconds)
                toolkit.settimeparam(self._project, toolkit.HYDSTEP, step)
                taken = toolkit.nextH(self._project)
            if taken <= 0:
                raise SimulationError(f"{self._path.name} does not run past {self.seconds} s.")
            self._account.add_energy(taken, self._tariff.at(self.seconds))
            self.seconds += taken
            self._stale = True
        self._solve()

    def day(self) -> DayRecord:
        """Return what happened so far."""
        self._solve()
        return self._account.record(self.seconds)

    # What can be read --------------------------------------------------------------------------------------------

    def level(self, tank: str) -> float:
        """Level above the bottom of a tank."""
        toolkit = self._toolkit  # its TANKLEVEL is the initial one, whatever the time
        return self._node("tank", tank, toolkit.HEAD) - self._node("tank", tank, toolkit.ELEVATION)

    def pressure(self, kind: str, node: str) -> float:
        """Pressure at a junction or at the bottom of a tank, as a gauge shows it: no lower than a vacuum.

        Where a closed pump leaves a zone without water EPANET calculates on, down to millions of metres below zero.
        """
        return max(self._vacuum, self._node(kind, node, self._toolkit.PRESSURE))

    def head(self, kind: str, node: str) -> float:
        """Total head at a junction, reservoir or tank."""
        return self._node(kind, node, self._toolkit.HEAD)

    def demand(self, junction: str) -> float:
        """Water taken at a junction now."""
        return self._node("junction", junction, self._toolkit.DEMAND) * self._flow_factor

    def flow(self, kind: str, link: str) -> float:
        """Flow through a link, positive from its first to its second node."""
        return self._link(kind, link, self._toolkit.FLOW) * self._flow_factor

    def power_kw(self, pump: str) -> float:
        """Electrical power that a pump draws now."""
        return self._link("pump", pump, self._toolkit.ENERGY)

    def energy_kwh(self, pump: str) -> float:
        """Energy a pump has used since the start."""
        self._solve()
        return self._account.energy_kwh[pump]

    def running(self, pump: str) -> bool:
        """Whether a pump is switched on; one that cannot deliver against a closed system still is."""
        return self.speed(pump) > 0

    def speed(self, pump: str) -> float:
        """Relative speed of a pump, 0 when it is off."""
        return self._link("pump", pump, self._toolkit.SETTING)

    def position(self, kind: str, link: str) -> float:
        """How far a pipe or valve is open, 0 to 1; of a valve that regulates itself: how far it was told to."""
        if kind == "valve" and link in self._positions:
            return self._positions[link]
        return float(self._link(kind, link, self._toolkit.STATUS) > 0)

    # What can be set ---------------------------------------------------------------------------------------------

    def set_pump(self, pump: str, *, running: bool, speed: float = 1.0) -> None:
        """Switch a pump on with a relative speed, or off."""
        index = self._indices[Element("pump", pump)]
        with _translated(f"pump {pump} cannot be switched"):
            self._toolkit.setlinkvalue(self._project, index, self._toolkit.SETTING, speed if running else 0.0)
        self._stale = True

    def set_valve(self, kind: str, link: str, position: float) -> None:
        """Open a pipe or valve to a position from 0 to 1.

        Half open are: FCV (that share of its flow setting), PCV (of its per cent open) and TCV (loss coefficient
        higher by 1/position² - 1). Everything else is open or closed; an open regulating valve regulates as the file
        says.
        """
        index = self._indices[Element(kind, link)]
        with _translated(f"{kind} {link} cannot be moved"):
            self._move(index, position)
        self._positions[link] = position
        self._stale = True

    def _move(self, index: int, position: float) -> None:
        toolkit, project = self._toolkit, self._project
        kind = toolkit.getlinktype(project, index)
        if 0 < position < 1 and kind not in {toolkit.FCV, toolkit.TCV, toolkit.PCV}:
            raise SimulationError(f"it is open or closed, not {position:g}")
        setting = toolkit.getlinkvalue(project, index, toolkit.INITSETTING)
        plain = kind in {toolkit.PIPE, toolkit.CVPIPE, toolkit.GPV}
        if position <= 0 or plain or (not setting and kind != toolkit.TCV):
            toolkit.setlinkvalue(project, index, toolkit.STATUS, float(position > 0))
            return
        wanted = setting + 1 / position**2 - 1 if kind == toolkit.TCV else setting * position
        toolkit.setlinkvalue(project, index, toolkit.SETTING, wanted)

    # Inside ------------------------------------------------------------------------------------------------------

    def _node(self, kind: str, name: str, what: int) -> float:
        index = self._indices[Element(kind, name)]
        self._solve()
        return float(self._toolkit.getnodevalue(self._project, index, what))

    def _link(self, kind: str, name: str, what: int) -> float:
        index = self._indices[Element(kind, name)]
        self._solve()
        return float(self._toolkit.getlinkvalue(self._project, index, what))

    def _solve(self) -> None:
        """Calculate flows and pressures of the present, if anything has changed since."""
        if self._project is None:
            raise SimulationError(f"{self._path.name} is not open.")
        if not self._stale:
            return
        with _translated(f"{self._path.name} cannot be calculated at {self.seconds} s"):
            self._toolkit.runH(self._project)
        self._stale = False
        self._account.note(
            self.seconds,
            {pump: self.running(pump) for pump in self._pumps},
            {pump: self.power_kw(pump) for pump in self._pumps},
            {tank: self.level(tank) for tank in self.network.tanks},
        )

    def _open(self) -> None:
        toolkit, folder = self._toolkit, Path(self._folder.name)
        self._project = toolkit.createproject()
        report = folder / "report"
        try:
            with _translated(f"{self._path} cannot be loaded"):
                toolkit.open(self._project, str(self._path), str(report), str(folder / "results"))
        except SimulationError as error:
            raise SimulationError(f"{error}{self._first_complaint(report)}") from error
        with _translated(f"{self._path} cannot be prepared"):
            self.network, self._indices, self._flow_factor = survey_network(toolkit, self._project)
            self._positions = self._initial_positions()
            metre = conversion("pressure", "m", self.network.units.pressure)
            self._vacuum = _VACUUM_METRES * (metre.scale if metre else 1.0)
            self._account = Account(self.network)
            self._pumps = self.network.of_kind("pump")
            pumps = {pump: self._indices[Element("pump", pump)] for pump in self._pumps}
            self._tariff = read_prices(toolkit, self._project, pumps)
            if self._remove_controls:
                self._drop_controls()
            self._prepare()

    def _first_complaint(self, report: Path) -> str:
        """Find EPANET's own words on what is wrong with the file: they stand in its report, once it is closed."""
        self._toolkit.close(self._project)
        lines = report.read_text("utf-8", "replace").splitlines() if report.is_file() else []
        complaints = [line.strip() for line in lines if "Error" in line and "Error 200" not in line]
        return f" {complaints[0]}." if complaints else ""

    def _prepare(self) -> None:
        toolkit, project = self._toolkit, self._project
        toolkit.setstatusreport(project, toolkit.NO_REPORT)
        toolkit.setreport(project, "MESSAGES NO")
        toolkit.settimeparam(project, toolkit.DURATION, _LONGEST_SECONDS)
        # The hydraulic step is never longer than the report step, and a report time is an event of its own.
        toolkit.settimeparam(project, toolkit.REPORTSTEP, _LONGEST_SECONDS)
        if toolkit.getoption(project, toolkit.UNBALANCED) < 0:  # the file says: stop when it does not converge
            toolkit.setoption(project, toolkit.UNBALANCED, _MORE_TRIALS)
        toolkit.openH(project)
        toolkit.initH(project, toolkit.NOSAVE)

    def _initial_positions(self) -> dict[str, float]:
        toolkit = self._toolkit
        return {
            valve: float(
                toolkit.getlinkvalue(self._project, self._indices[Element("valve", valve)], toolkit.INITSTATUS) > 0
            )
            for valve in self.network.of_kind("valve")
        }

    def _drop_controls(self) -> None:
        toolkit, project = self._toolkit, self._project
        for index in range(toolkit.getcount(project, toolkit.CONTROLCOUNT), 0, -1):
            toolkit.deletecontrol(project, index)
        for index in range(toolkit.getcount(project, toolkit.RULECOUNT), 0, -1):
            toolkit.deleterule(project, index)
        for pump in self._pumps:
            toolkit.setlinkvalue(project, self._indices[Element("pump", pump)], toolkit.LINKPATTERN, 0)


def native(inp_path: Path | str, hours: float, *, step_seconds: int = 60) -> DayRecord:
    """Run a file with its own controls from its start: the yardstick for what an agent does with the same network."""
    with Hydraulics(inp_path, remove_controls=False, step_seconds=step_seconds) as hydraulics:
        hydraulics.advance(hours * 3600)
        return hydraulics.day()
