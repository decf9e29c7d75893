#!/bin/bash
# First process of the lab's guest, which is a User-Mode Linux kernel (LAB_KERNEL=uml) or a set of
# fresh namespaces on the running one (LAB_KERNEL=running).
#
# Prepares a private /run and the directories that FRR writes to, then carries out the jobs that the
# driver outside asks for. The channel is line based: a number N from the driver means "run
# jobs/N.sh", with output to jobs/N.out and jobs/N.err, and is answered with "N STATUS" when it has
# ended. Jobs run side by side. "stop" ends the guest.
#
# LAB_DIR is the directory shared with the driver; it is /run/lab in here, and the repository /run/repository.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run LC_ALL=C

share() { # outside inside
  mkdir -p "$2"
  if [ "$LAB_KERNEL" = uml ]; then mount -t hostfs -o "$1" none "$2"; else mount --bind "$1" "$2"; fi
}

if [ "$LAB_KERNEL" = uml ]; then
  mount -t proc proc /proc
  mount -t sysfs sys /sys
  mkdir -p /dev/pts && mount -t devpts devpts /dev/pts
  stty -F /dev/ttyS0 raw -echo
  exec 3<>/dev/ttyS0
fi

# The shared directories may lie below /run or /tmp of the machine outside: reach them first.
. "$LAB_DIR/environment"
if [ "$LAB_KERNEL" = uml ]; then
  mount -t tmpfs tmpfs /run
  share "$LAB_DIR" /run/lab
  share "$LAB_REPOSITORY" /run/repository
else
  mount -t tmpfs tmpfs /mnt
  share "$LAB_DIR" /mnt/lab
  share "$LAB_REPOSITORY" /mnt/repository
  mount -t tmpfs tmpfs /run
  mkdir -p /run/lab /run/repository
  mount --move /mnt/lab /run/lab
  mount --move /mnt/repository /run/repository
  umount /mnt
fi
mkdir -p /run/bin && ln -s "$LAB_NODE" /run/bin/node
case $LAB_NODE in
  /run/*) mkdir -p /run/node-install && share "${LAB_NODE%/bin/*}" /run/node-install &&
    ln -sf /run/node-install/bin/node /run/bin/node ;;
esac
export PATH=/run/bin:$PATH

mkdir -p /run/netns /run/frr /run/log /run/tmp /run/captures
export TMPDIR=/run/tmp
for directory in /etc/frr /var/lib/frr /var/tmp; do
  [ -d $directory ] && case $LAB_NODE in $directory/*) ;; *) mount -t tmpfs -o mode=1777 tmpfs $directory ;; esac
done
chown frr:frr /run/frr /run/log /etc/frr
: > /run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf 2> /dev/null   # no look-ups of names in the captures
echo lab > /proc/sys/kernel/hostname
ulimit -n 65536

modules="ipv6 af_packet unix bridge vxlan vrf veth dummy macvlan nlmon"
if [ "$LAB_KERNEL" = uml ] && [ ! -e "/lib/modules/$(uname -r)" ]; then
  mkdir -p /run/modules/lib && ln -s /usr/lib/uml/modules /run/modules/lib/modules
  modprobe -d /run/modules -a $modules
else
  modprobe -a $modules 2> /dev/null
fi
ip link set lo up

run_job() {
  bash "/run/lab/jobs/$1.sh" > "/run/lab/jobs/$1.out" 2> "/run/lab/jobs/$1.err" < /dev/null
  echo "$1 $?" >&3
}

echo "ready" >&3
while read -r line <&3; do
  [ "$line" = stop ] && break
  run_job "$line" &
done
sync
if [ "$LAB_KERNEL" = uml ]; then
  echo o > /proc/sysrq-trigger
  sleep 5
  halt -f
fi
