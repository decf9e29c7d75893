/** Configuration of one FRR, by daemon. */
export interface FrrConfiguration {
  readonly zebra: string;
  readonly bgpd: string;
}

/** Directory of Debian's FRR daemons, which are not in PATH. */
const DAEMONS = '/usr/lib/frr';

/**
 * Bash that starts FRR in a network namespace. The namespace's name is also FRR's instance name
 * (`-N`), so that each has sockets and a vtysh of its own. Each daemon reads its own file: that is
 * several times faster than `vtysh -b`.
 */
export function startFrr(namespace: string, configuration: FrrConfiguration): string {
  return `
mkdir -p /run/frr/${namespace} /etc/frr/${namespace}
: > /etc/frr/${namespace}/vtysh.conf
cat > /etc/frr/${namespace}/zebra.conf <<'END'
${configuration.zebra}
END
cat > /etc/frr/${namespace}/bgpd.conf <<'END'
${configuration.bgpd}
END
chown -R frr:frr /run/frr/${namespace} /etc/frr/${namespace}
ip netns exec ${namespace} bash -e <<'END'
${DAEMONS}/zebra -d -N ${namespace} -f /etc/frr/${namespace}/zebra.conf -s 90000000 --limit-fds 10000 --log file:/run/log/${namespace}-zebra.log
${DAEMONS}/bgpd -d -N ${namespace} -f /etc/frr/${namespace}/bgpd.conf --limit-fds 10000 --log file:/run/log/${namespace}-bgpd.log
END
`;
}

/** Bash that runs commands in the vtysh of a namespace, and prints what they print. */
export function vtysh(namespace: string, ...commands: readonly string[]): string {
  const separator = commands.length > 2 ? ' \\\n  ' : ' ';
  return `vtysh -N ${namespace}${commands.map((command) => `${separator}-c '${command}'`).join('')}`;
}

/** zebra: VRFs with their L3VNIs, and next hops that may resolve over a default route. */
export function zebraConfiguration(vnis: Readonly<Record<string, number>>): string {
  const vrfs = Object.entries(vnis).map(([vrf, vni]) => `vrf ${vrf}\n vni ${vni}\nexit-vrf`);
  return ['ip nht resolve-via-default', 'ipv6 nht resolve-via-default', ...vrfs].join('\n');
}

/** What every BGP instance of the lab starts with: no policy is required, and no family is on by itself. */
export const OPEN_POLICY = ` no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast`;

/** Fast timers, as the fabric of OpenPERouter's examples has them. */
export const FAST_TIMERS = ' timers bgp 3 9';
