#!/usr/bin/env bash
# Runs test suites of other projects, direct at an engine and through Dockgate, and compares what comes of their tests.
# It takes an hour or more and is not part of .ci/run.
#
#   suites.sh [SUITE...]   all suites, or only these: cli, traefik, docker-py, dockerode, moby/container ...
#
# docker-py's, dockerode's and moby's tests are in no published package. These variables name checkouts of their
# repositories, in the versions that tests/suites/run.py expects; without them their suites do not run:
#
#   DOCKGATE_DOCKER_PY, DOCKGATE_DOCKERODE, DOCKGATE_MOBY
#
# A side runs again when something differs, DOCKGATE_SUITE_TRIES times at most, which is 3 if it is not set.
#
# They run on the main engine, and on that of DOCKGATE_TEST_DOCKERD if it is set. What passes on one way only must be
# in tests/suites/differences.txt, with a reason. tests/setup.sh must have set the machine up.
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
