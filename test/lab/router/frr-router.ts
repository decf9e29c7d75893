import { addNamespaces, ipBatch, VRFS, type VrfName } from '../topology/fabric.ts';
import { type FrrConfiguration, OPEN_POLICY, startFrr, vtysh, zebraConfiguration } from '../topology/frr.ts';
import { type LabNode, ROUTER_ADDRESS, routerTable } from '../topology/node.ts';
import type { LabRouter } from './lab-router.ts';

const vrfNames = Object.keys(VRFS) as VrfName[];

/** FRR as OpenPERouter configures it, to compare with. */
export const frrRouter: LabRouter = {
  title: 'FRR',

  start: (node) => `set -e
${addNamespaces([node.router])}
${startFrr(node.router, configuration(node))}
${kernelObjects(node)}`,

  ready: (node) =>
    [
      established(node, '192.168.11.2'),
      ...vrfNames.map((vrf) => established(node, node.hostAddress[vrf], vrf)),
    ].join(' && '),

  stop: (node) => `${killDaemons(node, 'TERM')}
${ipBatch(node.router, ['link set toswitch1 group default', `link set toswitch1 netns ${node.host}`])}
${ipBatch(node.host, ['link set toswitch1 up', `address add ${node.underlay}/24 dev toswitch1`])}
ip netns delete ${node.router}`,

  kill: (node) => killDaemons(node, 'KILL'),
  restart: (node) => startFrr(node.router, configuration(node)),
  sessions: (node) => vtysh(node.router, 'show bgp vrf all summary'),
  type5Routes: (node) => vtysh(node.router, 'show bgp l2vpn evpn route type prefix'),
  vrfRoutes: (node) => vtysh(node.router, 'show bgp vrf red ipv4 unicast'),
  log: (node) => `cat /run/log/${node.router}-zebra.log /run/log/${node.router}-bgpd.log`,
};

function established(node: LabNode, peer: string, vrf?: VrfName): string {
  const instance = vrf === undefined ? '' : `vrf ${vrf} `;
  return `${vtysh(node.router, `show bgp ${instance}neighbors ${peer} json`)} | grep -q '"bgpState":"Established"'`;
}

/** zebra goes first: it would otherwise clean up after bgpd. */
function killDaemons(node: LabNode, signal: 'TERM' | 'KILL'): string {
  return `pids="$(cat /run/frr/${node.router}/zebra.pid) $(cat /run/frr/${node.router}/bgpd.pid)"
kill -${signal} $pids
while kill -0 $pids 2> /dev/null; do sleep 0.05; done`;
}

function configuration(node: LabNode): FrrConfiguration {
  const vrfInstances = vrfNames.map((vrf) => {
    const host = node.hostAddress[vrf];
    return `router bgp 64514 vrf ${vrf}
${OPEN_POLICY}
 bgp router-id ${node.routerId}
 neighbor ${host} remote-as 64515
 address-family ipv4 unicast
  network ${host}/32
  neighbor ${host} activate
  neighbor ${host} route-map allowall in
  neighbor ${host} route-map allowall out
 exit-address-family
 address-family l2vpn evpn
  advertise ipv4 unicast
  advertise ipv6 unicast
 exit-address-family`;
  });
  return {
    zebra: zebraConfiguration({ red: VRFS.red.vni, blue: VRFS.blue.vni }),
    bgpd: `route-map allowall permit 1
exit
router bgp 64514
${OPEN_POLICY}
 bgp router-id ${node.routerId}
 neighbor 192.168.11.2 remote-as 64512
 address-family ipv4 unicast
  neighbor 192.168.11.2 activate
  neighbor 192.168.11.2 allowas-in
  network ${node.vtep}/32
 exit-address-family
 address-family l2vpn evpn
  neighbor 192.168.11.2 activate
  neighbor 192.168.11.2 allowas-in
  advertise-all-vni
 exit-address-family
exit
${vrfInstances.join('\nexit\n')}`,
  };
}

/** What OpenPERouter's controller does over netlink; after FRR's start, as it does. */
function kernelObjects(node: LabNode): string {
  const veths = vrfNames.map(
    (vrf) =>
      `link add host-e-${VRFS[vrf].vni} netns ${node.host} type veth peer name pe-e-${VRFS[vrf].vni} netns ${node.router}`,
  );
  const router = vrfNames.flatMap((vrf) => {
    const { vni } = VRFS[vrf];
    return [
      `link add ${vrf} type vrf table ${routerTable(vrf)}`,
      `link set ${vrf} up`,
      `link add br-pe-${vni} type bridge`,
      `link set br-pe-${vni} master ${vrf} addrgenmode none`,
      `link set br-pe-${vni} up`,
      `link add vni${vni} master br-pe-${vni} type vxlan id ${vni} local ${node.vtep} dev lo dstport 4789 nolearning`,
      `link set vni${vni} addrgenmode none`,
      `link set vni${vni} type bridge_slave neigh_suppress on`,
      `link set vni${vni} up`,
      `link set pe-e-${vni} mtu 1450 up`,
      `link set pe-e-${vni} master ${vrf}`,
      `address add ${ROUTER_ADDRESS[vrf]}/24 dev pe-e-${vni}`,
    ];
  });
  const host = vrfNames.flatMap((vrf) => [
    `link set host-e-${VRFS[vrf].vni} mtu 1450 up`,
    `address add ${node.hostAddress[vrf]}/24 dev host-e-${VRFS[vrf].vni}`,
  ]);
  return `
${ipBatch(node.host, [`link set toswitch1 netns ${node.router}`])}
ip -batch - <<'END'
${veths.join('\n')}
END
${ipBatch(node.router, [
  `address add ${node.underlay}/24 dev toswitch1`,
  'link set toswitch1 group 4242',
  'link set toswitch1 up',
  `address add ${node.vtep}/32 dev lo`,
  ...router,
])}
${ipBatch(node.host, host)}`;
}
