#!/bin/bash
# Installs the Debian packages that are missing of those named on the command line, without starting
# any service. Says what it does; does and says nothing when all are there.
set -euo pipefail

missing=()
for package in "$@"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo > /dev/null || { echo "setup: root is needed to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"
}

echo "setup: installing Debian packages: ${missing[*]}"

# Packages of routing daemons start them when installed; a policy of this script's own says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy > /dev/null
  "${as_root[@]}" chmod 755 $policy
  trap '"${as_root[@]}" rm -f $policy' EXIT
fi

install=(install --no-install-recommends --yes "${missing[@]}")
log=$(mktemp)
if ! apt-cache show --no-all-versions "${missing[@]}" > /dev/null 2>&1; then
  echo "setup: reading Debian's package lists"
  apt_get update
  apt_get "${install[@]}" > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
elif ! apt_get "${install[@]}" > "$log" 2>&1; then
  echo "setup: Debian's package lists are old, reading them again"
  apt_get update
  apt_get "${install[@]}" > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
rm -f "$log"
