#!/bin/bash
# Makes this machine ready for one purpose: `demo` (the lab), or `test` (the lab and the interop tests).
set -euo pipefail
cd "$(dirname "$0")"

lab=(frr iproute2 kmod procps nginx curl tcpdump)
interop=(bird2 gobgpd)
case ${1:-test} in
  demo) packages=("${lab[@]}") ;;
  test) packages=("${lab[@]}" "${interop[@]}") ;;
  *) echo "usage: setup.sh [demo|test]" >&2; exit 2 ;;
esac
# The lab uses the running kernel if that has VRF; ip may be missing still, then both are installed.
if ! unshare --net ip link add vrf0 type vrf table 4242 2> /dev/null; then packages+=(user-mode-linux); fi

./install-debian-packages.sh "${packages[@]}"
./install-node-packages.sh
