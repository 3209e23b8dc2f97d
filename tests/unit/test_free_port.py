"""Ports for servers under test: no two test processes get the same one."""

from __future__ import annotations

from tests.children import begin, python
from tests.server import free_port

PORTS = 300  # of 12 000 each: two that draw at random share some


def test_processes_that_run_at_the_same_time_get_different_ports() -> None:
    other = python(f"""
        import sys
        from tests.server import free_port
        print(*(free_port() for _ in range({PORTS})), flush=True)
        sys.stdin.readline()
    """)
    assert other.stdout
    theirs = {int(port) for port in other.stdout.readline().split()}
    ours = {free_port() for _ in range(PORTS)}
    begin(other)
    other.communicate()
    assert (len(theirs), len(ours)) == (PORTS, PORTS)
    assert theirs & ours == set()
