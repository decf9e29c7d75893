#!/bin/bash
# Makes this machine ready for one purpose: `demo` (the lab), `test` (the lab and the interop tests), or `bench`
# (the lab and the daemons that are measured; with PEERS=trixie also those of Debian 13).
set -euo pipefail
cd "$(dirname "$0")"

lab=(frr iproute2 kmod procps nginx curl tcpdump)
interop=(bird2 gobgpd exabgp)
measured=(bird2 gobgpd openbgpd)
case ${1:-test} in
  demo) packages=("${lab[@]}") ;;
  test) packages=("${lab[@]}" "${interop[@]}") ;;
  bench) packages=("${lab[@]}" "${measured[@]}") ;;
  *) echo "usage: setup.sh [demo|test|bench]" >&2; exit 2 ;;
esac
# The lab uses the running kernel if that has VRF; ip may be missing still, then both are installed.
if ! unshare --net ip link add vrf0 type vrf table 4242 2> /dev/null; then packages+=(user-mode-linux); fi

./install-debian-packages.sh "${packages[@]}"
./install-node-packages.sh
if [ "${1:-}" = bench ] && [ "${PEERS:-}" = trixie ]; then ../../bench/setup/trixie-root.sh; fi
