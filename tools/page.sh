#!/bin/bash
# SPDX-License-Identifier: AGPL-3.0-or-later
# Builds web/dist when a source of the page is newer than it.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -f web/dist/index.html ] && [ -z "$(find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -newer web/dist/index.html -print -quit)" ]; then
    exit 0
fi
echo '[page] building web/dist'
cd web && PATH="$OLDPWD/.tools:$PATH" npm run --silent build
touch dist/index.html
