#!/usr/bin/env bash
# Installs Debian's Redmine with SQLite, for the tests; needs root. It is served by the tests alone.
set -euo pipefail
[ -e /usr/share/redmine/config.ru ] && dpkg -s redmine | grep -q 'Status: install ok installed' && exit 0
export DEBIAN_FRONTEND=noninteractive
debconf-set-selections <<'ANSWERS'
redmine redmine/instances/default/database-type select sqlite3
redmine redmine/instances/default/dbconfig-install boolean true
ANSWERS
apt-get update -qq
# Its set-up fails at first: Bundler takes Debian's gems, which have no folder of their own, for gone.
apt-get install -y -qq --no-install-recommends \
    redmine redmine-sqlite ruby-sqlite3 racc bundler puma || true
for folder in /usr/share/rubygems-integration/*/ /usr/lib/*/rubygems-integration/*/; do
    for gem in "$folder"specifications/*.gemspec; do
        [ -e "$gem" ] && mkdir -p "${folder}gems/$(basename "$gem" .gemspec)"
    done
done
dpkg --configure -a
