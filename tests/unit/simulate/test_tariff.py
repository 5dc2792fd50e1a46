from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest
from epanet import toolkit

from edge_agent.simulate.hydraulics import native

RIVERSIDE = Path(__file__).parents[3] / "config" / "riverside.inp"


@pytest.fixture
def billed(tmp_path: Path) -> dict[str, float]:
    """Run the demo's network in EPANET and read the cost of a day by pump from EPANET's own report."""
    report, project = tmp_path / "report", toolkit.createproject()
    toolkit.open(project, str(RIVERSIDE), str(report), str(tmp_path / "results"))
    toolkit.setreport(project, "ENERGY YES")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        toolkit.solveH(project)
        toolkit.saveH(project)
    toolkit.report(project)
    toolkit.close(project)
    toolkit.deleteproject(project)
    rows = re.findall(r"^ +(P\d)(?: +[\d.]+){5} +([\d.]+) *$", report.read_text(), re.MULTILINE)
    return {pump: float(cost) for pump, cost in rows}


def test_a_day_costs_what_epanet_bills_for_it(billed: dict[str, float]) -> None:
    day = native(RIVERSIDE, 24)
    assert sum(billed.values()) > 1
    assert day.cost == pytest.approx(billed, abs=0.01)


def test_without_prices_nothing_costs_anything(net1: Path) -> None:
    assert native(net1, 24).cost == {"9": 0.0}
