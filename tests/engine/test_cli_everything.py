"""The docker CLI under a policy that allows everything: the same as a direct connection, request by request.

Runs on every Docker engine, because each has the CLI of its release.
"""

from cases import Cases
from cli_steps import (
    attach_and_detach,
    build_in_the_classic_way,
    copy_both_ways,
    exec_with_and_without_stdin,
    idle_then_gone,
    import_and_export,
    lifecycle,
    run_detached,
    run_that_fails,
    run_with_a_tty,
    run_with_stdin,
    save_into_load,
)
from steps import case_name, two_ways
from support import engines

STEPS = [
    run_with_stdin,
    run_with_a_tty,
    run_detached,
    run_that_fails,
    exec_with_and_without_stdin,
    lifecycle,
    copy_both_ways,
    save_into_load,
    import_and_export,
    build_in_the_classic_way,
    idle_then_gone,
]


def main() -> None:
    cases = Cases()
    for engine in engines():
        with two_ways(engine) as ways:
            for step in STEPS:
                with cases.case(case_name(engine, step)):
                    ways.take(step)
        # Over TCP, the CLI of 20.10 does not end after it has detached: its own bug, with or without Dockgate.
        with two_ways(engine, socket_file=True) as ways, cases.case(case_name(engine, attach_and_detach)):
            ways.take(attach_and_detach)
    cases.finish()


main()
