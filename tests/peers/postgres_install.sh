#!/usr/bin/env bash
# Installs Debian's PostgreSQL (with TLS, which the wheel's lacks) and PgBouncer, for the tests; needs
# root. The tests run servers of their own: Debian's are neither set up nor started.
set -euo pipefail
command -v pgbouncer >/dev/null && compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold postgresql pgbouncer
