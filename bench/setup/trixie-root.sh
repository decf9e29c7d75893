#!/bin/bash
# Puts the routing daemons of Debian 13 (trixie) with their libraries into out/trixie/usr and what they
# read of /etc into out/trixie/etc, unless they are there. The packages are unpacked, not installed:
# nothing of them runs, and this machine's own packages stay as they are. Needs apt and root.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=out/trixie
[ -e $root/complete ] && exit 0
echo "setup: unpacking the daemons of Debian 13 into $root"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/state/lists/partial "$work"/cache/archives/partial
touch "$work"/status

# The mirror that this machine's apt already uses.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian/\?$' ||
  echo http://deb.debian.org/debian)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror trixie main" > "$work"/sources.list

# apt as if nothing was installed, so that it fetches every library; state and cache are this script's.
apt_get() {
  apt-get -qq -o Dir::State="$work"/state -o Dir::State::status="$work"/status -o Dir::Cache="$work"/cache \
    -o Dir::Etc::sourcelist="$work"/sources.list -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=- \
    -o APT::Sandbox::User=root "$@" > "$work"/log 2>&1 || { cat "$work"/log >&2; exit 1; }
}
fetch() {
  apt_get install --download-only --no-install-recommends --yes "$@"
}

unpack() { # PACKAGE-FILE DIRECTORY
  dpkg-deb --fsys-tarfile "$1" | tar -C "$2" --keep-directory-symlink --skip-old-files \
    --exclude='./etc' --exclude='./var' --exclude='./usr/share' --exclude='./usr/lib/systemd' -xf -
}

apt_get update
fetch bird2 frr gobgpd openbgpd
mkdir -p "$work"/cache/bird2
mv "$work"/cache/archives/bird2_*.deb "$work"/cache/bird2/
# BIRD 3 is a package that conflicts with bird2.
fetch bird3
mkdir -p "$work"/cache/bird3
mv "$work"/cache/archives/bird3_*.deb "$work"/cache/bird3/

rm -rf $root.new
mkdir -p $root.new/usr/{bin,sbin,lib,lib64} $root.new/usr/lib/bird3
ln -s usr/bin usr/sbin usr/lib usr/lib64 $root.new/
for package in "$work"/cache/archives/*.deb "$work"/cache/bird2/*.deb; do unpack "$package" $root.new; done
mkdir "$work"/bird3
unpack "$work"/cache/bird3/*.deb "$work"/bird3
cp "$work"/bird3/usr/sbin/bird "$work"/bird3/usr/sbin/birdc $root.new/usr/lib/bird3/

# The accounts that the packages' scripts would have made.
mkdir -p $root.new/etc
printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' \
  'frr:x:901:901::/nonexistent:/usr/sbin/nologin' \
  '_openbgpd:x:903:903::/run/openbgpd:/usr/sbin/nologin' > $root.new/etc/passwd
printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' 'frr:x:901:' 'frrvty:x:902:frr' '_openbgpd:x:903:' > $root.new/etc/group
printf '%s\n' 'passwd: files' 'group: files' 'hosts: files' > $root.new/etc/nsswitch.conf
printf '127.0.0.1 localhost\n' > $root.new/etc/hosts

touch $root.new/complete
rm -rf $root
mv $root.new $root
