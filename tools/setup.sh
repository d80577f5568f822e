#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Installs what is missing on Debian 12, and nothing else: Debian packages, Node 20, npm packages of the
# page. `setup.sh build` for `make run`, `setup.sh test` for `make check`. Second runs take no time.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-build}
say() { printf '\033[2m[set-up]\033[0m %s\n' "$*"; }
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

wanted=$(awk -v what="$what" '$1 == "build" || (what == "test" && $1 == "test") { print $2 }' tools/packages.txt)
missing=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | awk -v wanted="$wanted" '
    $2 == "installed" { have[$1] = 1 } END { n = split(wanted, w, "\n"); for (i = 1; i <= n; i++) if (!(w[i] in have)) print w[i] }')
command -v npm >/dev/null || missing="$missing npm"
if [ -n "${missing// /}" ]; then
    say "installing Debian packages: $(echo $missing)"
    export DEBIAN_FRONTEND=noninteractive
    root apt-get update -q
    # shellcheck disable=SC2086
    root apt-get install -q -y --no-install-recommends $missing
fi

# The page is built with Node 20; Debian's Node 18 only brings npm, which fetches the real one.
node_major() { "$1" --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/'; }
mkdir -p .tools
if [ "$(node_major .tools/node || echo 0)" != 20 ]; then
    if command -v node >/dev/null && [ "$(node_major node)" -ge 20 ]; then
        ln -sf "$(command -v node)" .tools/node
    else
        say "fetching Node 20"
        npm install --no-audit --no-fund --loglevel=error --prefix .tools node@20 >/dev/null
        ln -sf "$PWD/.tools/node_modules/node/bin/node" .tools/node
    fi
fi
npm_install() { # folder
    if [ "$1/node_modules/.stamp" -nt "$1/package-lock.json" ] 2>/dev/null; then
        return
    fi
    say "installing npm packages of $1"
    (cd "$1" && PATH="$OLDPWD/.tools:$PATH" npm ci --no-audit --no-fund --loglevel=error)
    touch "$1/node_modules/.stamp"
}
npm_install web
if [ "$what" = test ]; then
    npm_install tests/browser
    npm_install tests/real/bluesky
fi
