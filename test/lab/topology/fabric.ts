import { FAST_TIMERS, type FrrConfiguration, OPEN_POLICY, startFrr, zebraConfiguration } from './frr.ts';

/** The two VRFs of the example, in the order in which the leaves number their tables. */
export const VRFS = {
  red: { vni: 100, leafTable: 1100 },
  blue: { vni: 200, leafTable: 1101 },
} as const;

/** A VRF of the example. */
export type VrfName = keyof typeof VRFS;

/** A leaf with one host in each VRF. */
interface Leaf {
  readonly name: 'leafA' | 'leafB';
  readonly vtep: string;
  /** Its end of the link to the spine; the spine has the address before it. */
  readonly uplink: string;
  readonly spine: string;
  readonly routerMac: Readonly<Record<VrfName, string>>;
  /** First three bytes of the hosts' subnet, a /24, and the prefix of their /64. */
  readonly hosts: Readonly<Record<VrfName, { readonly ipv4: string; readonly ipv6: string }>>;
}

/** The leaves of the fabric. They share an AS number and so ignore each other's routes. */
export const LEAVES: readonly Leaf[] = [
  {
    name: 'leafA',
    vtep: '100.64.0.1',
    uplink: '192.168.1.1',
    spine: '192.168.1.0',
    routerMac: { red: 'aa:bb:cc:00:00:65', blue: 'aa:bb:cc:00:00:66' },
    hosts: {
      red: { ipv4: '192.168.20', ipv6: '2001:db8:20:' },
      blue: { ipv4: '192.168.21', ipv6: '2001:db8:21:' },
    },
  },
  {
    name: 'leafB',
    vtep: '100.64.0.2',
    uplink: '192.168.1.3',
    spine: '192.168.1.2',
    routerMac: { red: 'aa:bb:cc:00:00:67', blue: 'aa:bb:cc:00:00:68' },
    hosts: {
      red: { ipv4: '192.169.20', ipv6: '2001:db8:169:20:' },
      blue: { ipv4: '192.169.21', ipv6: '2001:db8:169:21:' },
    },
  },
];

/** Namespace of a leaf's host, such as `hostA_red`. */
export function hostName(leaf: string, vrf: VrfName): string {
  return `host${leaf.slice('leaf'.length)}_${vrf}`;
}

const vrfNames = Object.keys(VRFS) as VrfName[];
const routers = ['spine', 'leafA', 'leafB', 'leafkind'] as const;

function spineConfiguration(): FrrConfiguration {
  const neighbors = [
    ...LEAVES.map((leaf) => ({ address: leaf.uplink, asn: 64520 })),
    { address: '192.168.1.5', asn: 64512 },
  ];
  const activate = neighbors.map(({ address }) => `  neighbor ${address} activate`).join('\n');
  return {
    zebra: zebraConfiguration({}),
    bgpd: `router bgp 64612
${OPEN_POLICY}
${FAST_TIMERS}
${neighbors.map(({ address, asn }) => fabricNeighbor(address, asn)).join('\n')}
 address-family ipv4 unicast
${activate}
 exit-address-family
 address-family l2vpn evpn
${activate}
 exit-address-family`,
  };
}

function leafConfiguration(leaf: Leaf): FrrConfiguration {
  const vrfInstances = vrfNames.map(
    (vrf) => `router bgp 64520 vrf ${vrf}
 address-family ipv4 unicast
  redistribute connected
 exit-address-family
 address-family ipv6 unicast
  redistribute connected
 exit-address-family
 address-family l2vpn evpn
  advertise ipv4 unicast
  advertise ipv6 unicast
 exit-address-family`,
  );
  return {
    zebra: zebraConfiguration({ red: VRFS.red.vni, blue: VRFS.blue.vni }),
    bgpd: `router bgp 64520
${OPEN_POLICY}
${FAST_TIMERS}
${fabricNeighbor(leaf.spine, 64612)}
 address-family ipv4 unicast
  neighbor ${leaf.spine} activate
  network ${leaf.vtep}/32
 exit-address-family
 address-family l2vpn evpn
  neighbor ${leaf.spine} activate
  advertise-all-vni
 exit-address-family
exit
${vrfInstances.join('\nexit\n')}`,
  };
}

/** The leaf that the nodes are attached to: any router of their segment may become its neighbor. */
function leafkindConfiguration(): FrrConfiguration {
  return {
    zebra: zebraConfiguration({}),
    bgpd: `router bgp 64512
${OPEN_POLICY}
${FAST_TIMERS}
${fabricNeighbor('192.168.1.4', 64612)}
 neighbor kind-nodes peer-group
 neighbor kind-nodes remote-as 64514
 neighbor kind-nodes advertisement-interval 0
 bgp listen range 192.168.11.0/24 peer-group kind-nodes
 address-family ipv4 unicast
  neighbor kind-nodes activate
  neighbor 192.168.1.4 activate
 exit-address-family
 address-family l2vpn evpn
  neighbor kind-nodes activate
  neighbor 192.168.1.4 activate
 exit-address-family`,
  };
}

function fabricNeighbor(address: string, asn: number): string {
  return ` neighbor ${address} remote-as ${asn}
 neighbor ${address} advertisement-interval 0
 neighbor ${address} timers connect 1`;
}

/** Bash that makes network namespaces that forward packets. */
export function addNamespaces(names: readonly string[]): string {
  return names
    .map(
      (name) => `ip netns add ${name}
ip netns exec ${name} sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
ip -n ${name} link set lo up`,
    )
    .join('\n');
}

/** Bash that runs `ip` commands in a namespace, all in one process. */
export function ipBatch(namespace: string, commands: readonly string[]): string {
  return `ip -n ${namespace} -batch - <<'END'\n${commands.join('\n')}\nEND`;
}

/** VRF, bridge and VXLAN device of a leaf, as in the fabric of OpenPERouter's examples. */
function leafLinks(leaf: Leaf): string[] {
  return vrfNames.flatMap((vrf) => {
    const { vni, leafTable } = VRFS[vrf];
    const hosts = leaf.hosts[vrf];
    return [
      `link add ${vrf} type vrf table ${leafTable}`,
      `link set eth${vrf} master ${vrf}`,
      `link set ${vrf} up`,
      `link set eth${vrf} up`,
      `address add ${hosts.ipv4}.1/24 dev eth${vrf}`,
      `address add ${hosts.ipv6}:1/64 dev eth${vrf} nodad`,
      `link add br${vni} type bridge`,
      `link set br${vni} master ${vrf} addrgenmode none`,
      `link set br${vni} address ${leaf.routerMac[vrf]}`,
      `link add vni${vni} type vxlan local ${leaf.vtep} dstport 4789 id ${vni} nolearning`,
      `link set vni${vni} master br${vni} addrgenmode none`,
      `link set vni${vni} type bridge_slave neigh_suppress on learning off`,
      `link set vni${vni} up`,
      `link set br${vni} up`,
    ];
  });
}

/**
 * A default route in the main table, as the management network of a containerlab gives one. A look-up
 * that misses in a VRF goes on in the main table: with the route, the packet vanishes, and a client
 * sees a time-out rather than an ICMP error.
 */
function managementNetwork(index: number): string[] {
  return [
    'link add mgmt0 type dummy',
    'link set mgmt0 up',
    `address add 172.20.20.${index + 11}/24 dev mgmt0`,
    'route add default via 172.20.20.1',
    'neigh add 172.20.20.1 lladdr 02:00:00:00:00:01 dev mgmt0',
  ];
}

function fabricLinks(): string {
  const links = [
    'link add eth1 netns spine type veth peer name eth1 netns leafA',
    'link add eth2 netns spine type veth peer name eth1 netns leafB',
    'link add eth3 netns spine type veth peer name eth1 netns leafkind',
    'link add toswitch1 netns leafkind type veth peer name leaf1 netns sw',
    ...LEAVES.flatMap((leaf) =>
      vrfNames.map(
        (vrf) =>
          `link add eth${vrf} netns ${leaf.name} type veth peer name eth1 netns ${hostName(leaf.name, vrf)}`,
      ),
    ),
  ];
  const hosts = LEAVES.flatMap((leaf) =>
    vrfNames.map((vrf) => {
      const { ipv4, ipv6 } = leaf.hosts[vrf];
      return ipBatch(hostName(leaf.name, vrf), [
        'link set eth1 up',
        `address add ${ipv4}.2/24 dev eth1`,
        `address add ${ipv6}:2/64 dev eth1 nodad`,
        `route add default via ${ipv4}.1`,
        `route add default via ${ipv6}:1`,
      ]);
    }),
  );
  return [
    `ip -batch - <<'END'\n${links.join('\n')}\nEND`,
    ipBatch('sw', [
      'link add br0 type bridge',
      'link set br0 up',
      'link set leaf1 master br0',
      'link set leaf1 up',
    ]),
    ipBatch('spine', [
      'link set eth1 up',
      'link set eth2 up',
      'link set eth3 up',
      'address add 192.168.1.0/31 dev eth1',
      'address add 192.168.1.2/31 dev eth2',
      'address add 192.168.1.4/31 dev eth3',
      ...managementNetwork(0),
    ]),
    ...LEAVES.map((leaf, index) =>
      ipBatch(leaf.name, [
        'link set eth1 up',
        `address add ${leaf.uplink}/31 dev eth1`,
        `address add ${leaf.vtep}/32 dev lo`,
        ...managementNetwork(index + 1),
        ...leafLinks(leaf),
      ]),
    ),
    ipBatch('leafkind', [
      'link set eth1 up',
      'link set toswitch1 up',
      'address add 192.168.1.5/31 dev eth1',
      'address add 192.168.11.2/24 dev toswitch1',
      ...managementNetwork(3),
    ]),
    ...hosts,
  ].join('\n');
}

/**
 * Bash that builds the fabric of OpenPERouter's MetalLB example: a spine, two leaves with a host in
 * each VRF, and the leaf with the switch that the nodes are plugged into. All routers are FRR.
 */
export function buildFabric(): string {
  const hosts = LEAVES.flatMap((leaf) => vrfNames.map((vrf) => hostName(leaf.name, vrf)));
  const [leafA, leafB] = LEAVES;
  if (leafA === undefined || leafB === undefined) throw new Error('the fabric has two leaves');
  return `set -e
${addNamespaces([...routers, 'sw', ...hosts])}
${fabricLinks()}
${startFrr('spine', spineConfiguration())}
${startFrr('leafkind', leafkindConfiguration())}
${startFrr('leafA', leafConfiguration(leafA))}
${startFrr('leafB', leafConfiguration(leafB))}
`;
}
