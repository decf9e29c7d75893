#!/bin/bash
# Installs the packages of package-lock.json when they are not there as it says, and makes sure that
# the native ones load: they come with their binaries, no compiler is used.
set -euo pipefail
cd "$(dirname "$0")/../.."

wanted=20.19.0
have=$(node -p process.versions.node 2> /dev/null || true)
if [ -z "$have" ] || [ "$(printf '%s\n' $wanted "$have" | sort -V | head -n 1)" != $wanted ]; then
  echo "setup: Node.js ${have:-(none)} found, $wanted or newer is needed: see https://nodejs.org/en/download" >&2
  exit 1
fi

installed=node_modules/.installed-package-lock.json
cmp -s package-lock.json $installed && exit 0
echo "setup: installing npm packages (npm ci)"
npm ci --no-audit --no-fund --loglevel=error > /dev/null
node --input-type=module -e "await import('koffi'); await import('netlink');"
cp package-lock.json $installed
