#!/bin/bash
# Lint, types and all tiers of the tests, whatever fails on the way; the closing line comes last.
set -uo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/node_modules/.bin:$PATH

failed=()
step() { # title command...
  local title=$1
  shift
  echo "== $title"
  "$@" || failed+=("$title")
}

closing=out/test-results/closing-line.txt
rm -f $closing
step lint biome check --error-on-warnings .
step types tsc -p tsconfig.json
step build make --no-print-directory build-lab
step tests env REQUIRED_TIERS="unit pcap interop interop-alone lab" vitest run

echo
[ ${#failed[@]} -eq 0 ] || echo "failed: ${failed[*]}"
cat $closing 2> /dev/null || echo "0 passed, 1 failed, 0 skipped"
[ ${#failed[@]} -eq 0 ]
