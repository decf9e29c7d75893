import { frrRouter } from '../../test/lab/router/frr-router.ts';
import { openpeRouter } from '../../test/lab/router/openpe-router.ts';
import { addNamespaces, ipBatch } from '../../test/lab/topology/fabric.ts';
import { OPEN_POLICY, startFrr, zebraConfiguration } from '../../test/lab/topology/frr.ts';
import { type LabNode, labNode } from '../../test/lab/topology/node.ts';

/** The VNI of the routes, which is that of VRF red. */
export const VNI = 100;
/** The peer of all routers, which the load generator speaks for. */
export const PEER = { address: '192.168.11.2', as: 64512 } as const;
/** Namespace of the raw messages. */
export const RAW_NAMESPACE = 'raw';
/** The node with openpe-routerd, and the one with FRR. */
export const openpeNode = labNode(0);
export const frrNode = labNode(1);
const RAW_VTEP = '100.65.0.9';

/** How the nodes are made and their routers started; all values are bash for the guest. */
export interface BenchNodes {
  /** What a result says about the place. */
  readonly title: string;
  /** The table that the routes are for is that of this VRF; undefined: the main table. */
  readonly vrf: 'red' | undefined;
  readonly topology: string;
  /** Starts openpe-routerd; the environment is that of the bash. Ends when it is ready for a session. */
  readonly startOpenpe: string;
  readonly openpePid: string;
  readonly openpeLog: string;
  readonly startFrr: string;
  /** The peer is to tell FRR of the tunnel endpoints. */
  readonly frrHearsUnderlay: boolean;
}

/** Bash that makes the peer's namespace with a switch in it, and what is plugged in there. */
function fabric(plugged: readonly { namespace: string; address: string }[]): string {
  return `set -e
ln -s /run/repository/bin/openpe-routerd /run/repository/bin/openpe-routerctl /run/bin/
${addNamespaces(['peer', RAW_NAMESPACE, ...plugged.map(({ namespace }) => namespace)])}
${ipBatch('peer', ['link add br0 type bridge', 'link set br0 up', `address add ${PEER.address}/24 dev br0`])}
${plugged
  .map(
    ({
      namespace,
      address,
    }) => `ip link add toswitch1 netns ${namespace} type veth peer name ${namespace} netns peer
${ipBatch('peer', [`link set ${namespace} master br0`, `link set ${namespace} up`])}
${ipBatch(namespace, ['link set toswitch1 up', `address add ${address}/24 dev toswitch1`])}`,
  )
  .join('\n')}`;
}

/** The devices that routes lead to, as the daemon makes them. */
function tunnelDevices(vtep: string, vrf: string | undefined): string[] {
  return [
    `address add ${vtep}/32 dev lo`,
    ...(vrf === undefined ? [] : [`link add ${vrf} type vrf table 1`, `link set ${vrf} up`]),
    `link add br-pe-${VNI} type bridge`,
    `link set br-pe-${VNI} addrgenmode none${vrf === undefined ? '' : ` master ${vrf}`}`,
    `link set br-pe-${VNI} up`,
    `link add vni${VNI} master br-pe-${VNI} type vxlan id ${VNI} local ${vtep} dev lo dstport 4789 nolearning`,
    `link set vni${VNI} addrgenmode none`,
    `link set vni${VNI} type bridge_slave neigh_suppress on learning off`,
    `link set vni${VNI} up`,
  ];
}

/** Nodes with VRFs, as the daemon and the lab's FRR build them. */
export function nodesWithVrf(title: string): BenchNodes {
  const openpe = openpeRouter('current');
  const plugged = [openpeNode, frrNode].map(({ host, underlay }) => ({ namespace: host, address: underlay }));
  return {
    title,
    vrf: 'red',
    topology: `${fabric(plugged)}
${ipBatch(RAW_NAMESPACE, tunnelDevices(RAW_VTEP, 'red'))}`,
    startOpenpe: `${openpe.start(openpeNode)}
for wait in {1..400}; do
  ip -n ${openpeNode.router} link show vni${VNI} 2> /dev/null | grep -q 'master br-pe' && break
  sleep 0.05
done
sleep 1`,
    openpePid: `/run/openpe/${openpeNode.host}.pid`,
    openpeLog: openpe.log(openpeNode),
    startFrr: `${frrRouter.start(frrNode)}
sleep 2`,
    frrHearsUnderlay: true,
  };
}

const UNDERLAY_ONLY = `apiVersion: network.openperouter.io/v1alpha1
kind: Underlay
metadata: { name: underlay, namespace: openperouter-system }
spec:
  asn: 64514
  tunnelEndpoint: { cidrs: [100.65.0.0/24] }
  interfaces:
    - { type: NetworkDevice, networkDevice: { interfaceName: toswitch1 } }
  neighbors:
    - { asn: ${PEER.as}, address: ${PEER.address} }
---
apiVersion: network.openperouter.io/v1alpha1
kind: L3VNI
metadata: { name: red, namespace: openperouter-system }
spec: { vni: ${VNI}, vrf: red }
`;

/** FRR with its L3VNI in the default VRF; it does not send the peer what it imported there. */
function frrInDefaultVrf(node: LabNode): string {
  return startFrr(node.router, {
    zebra: `${zebraConfiguration({})}\nvni ${VNI}`,
    bgpd: `router bgp 64514
${OPEN_POLICY}
 bgp router-id ${node.routerId}
 neighbor ${PEER.address} remote-as ${PEER.as}
 address-family l2vpn evpn
  neighbor ${PEER.address} activate
  advertise-all-vni
 exit-address-family`,
  });
}

/** Nodes on a kernel without VRF devices: the routes go to the main table of a namespace. */
export function nodesWithoutVrf(title: string): BenchNodes {
  const nodes = [openpeNode, frrNode];
  const plugged = nodes.map(({ router, underlay }) => ({ namespace: router, address: underlay }));
  const log = `/run/log/${openpeNode.host}-openpe.log`;
  const pid = `/run/${openpeNode.host}.pid`;
  return {
    title,
    vrf: undefined,
    // A rule that is not the kernel's own parts the main table from the local one, as VRFs do.
    topology: `${fabric(plugged)}
${[RAW_NAMESPACE, ...nodes.map(({ router }) => router)]
  .map(
    (namespace) => `ip -n ${namespace} rule add pref 100 to 198.51.100.1 lookup main
ip -n ${namespace} -6 rule add pref 100 to 2001:db8:ffff::1 lookup main`,
  )
  .join('\n')}
${ipBatch(RAW_NAMESPACE, tunnelDevices(RAW_VTEP, undefined))}
${nodes.map((node) => ipBatch(node.router, tunnelDevices(node.vtep, undefined))).join('\n')}
ip -n ${frrNode.router} route add 100.64.1.0/24 via ${PEER.address}
cat > /run/underlay.yaml <<'END'
${UNDERLAY_ONLY}
END`,
    startOpenpe: `node /run/repository/out/build/bench/kernel/router-without-vrf.js \\
  /run/underlay.yaml ${openpeNode.router} ${openpeNode.underlay}/24 > ${log} 2>&1 < /dev/null &
echo $! > ${pid}
for wait in {1..600}; do grep -q "warmed up" ${log} && break; sleep 0.05; done
grep -q "warmed up" ${log}`,
    openpePid: pid,
    openpeLog: `cat ${log}`,
    startFrr: `${frrInDefaultVrf(frrNode)}
sleep 2`,
    frrHearsUnderlay: false,
  };
}
