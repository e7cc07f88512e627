#!/usr/bin/env bash
# Runs test suites of other projects, directly on an engine and through Dockgate, and compares the results of their
# tests. It takes an hour or more and is not part of .ci/run.
#
#   suites.sh [SUITE...]   all suites, or only these: cli, traefik, docker-py, dockerode, moby/container, scoped/cli ...
#
# docker-py's, dockerode's and moby's tests are not in published packages. These variables are the paths of checkouts
# of their repositories, in the versions that tests/suites/run.py expects; without them their suites do not run:
#
#   DOCKGATE_DOCKER_PY, DOCKGATE_DOCKERODE, DOCKGATE_MOBY
#
# If something differs, a side runs again, at most DOCKGATE_SUITE_TRIES times (default 3).
#
# They run on the main engine, and on that of DOCKGATE_TEST_DOCKERD if it is set. A test that passes only one way must
# be in tests/suites/differences.txt, with a reason. Run tests/setup.sh first.
set -euo pipefail
cd "$(dirname "$0")/.."

export DOCKGATE_TEST_CACHE=${DOCKGATE_TEST_CACHE:-/var/cache/dockgate-tests}
export DOCKGATE_TEST_RUN=${DOCKGATE_TEST_RUN:-/tmp/dockgate-suite-engines.$$}
export DOCKGATE_TEST_RECORDS=${DOCKGATE_TEST_RECORDS:-$PWD/target/suite-records}
export DOCKGATE_BIN=${DOCKGATE_BIN:-$PWD/target/release/dockgate}

trap 'tests/engine/engines.sh stop' EXIT
tests/engine/engines.sh start
eval "$(tests/engine/engines.sh env)"
python3 tests/suites/run.py "$@"
