import { addNamespaces, ipBatch, VRFS, type VrfName } from './fabric.ts';
import { type FrrConfiguration, OPEN_POLICY, startFrr, vtysh, zebraConfiguration } from './frr.ts';

/** The LoadBalancer address of the example. */
export const SERVICE_ADDRESS = '172.30.0.10';

/** A Kubernetes node of the lab: the host's namespace and the router's. */
export interface LabNode {
  /** Counts from 0, as OpenPERouter's node index. */
  readonly index: number;
  /** Namespace of the host, such as `node1`. */
  readonly host: string;
  /** Namespace of the router, such as `pe1`. */
  readonly router: string;
  /** Address on the segment with leafkind. */
  readonly underlay: string;
  readonly vtep: string;
  readonly routerId: string;
  /** The host's end of each VRF's veth. */
  readonly hostAddress: Readonly<Record<VrfName, string>>;
}

/** The router's end of each VRF's veth, the same on all nodes. */
export const ROUTER_ADDRESS: Readonly<Record<VrfName, string>> = {
  red: '192.169.10.1',
  blue: '192.169.11.1',
};

/** Values of node `index`, by OpenPERouter's rules for addresses. */
export function labNode(index: number): LabNode {
  return {
    index,
    host: `node${index + 1}`,
    router: `pe${index + 1}`,
    underlay: `192.168.11.${index + 3}`,
    vtep: `100.65.0.${index}`,
    routerId: `10.0.0.${index + 1}`,
    hostAddress: { red: `192.169.10.${index + 2}`, blue: `192.169.11.${index + 2}` },
  };
}

/** FRR on the host, as FRR-K8s configures it for MetalLB: nothing is sent until an address is announced. */
function hostConfiguration(): FrrConfiguration {
  const neighbors = Object.values(ROUTER_ADDRESS);
  const policies = neighbors.map(
    (router) => `ip prefix-list ${router}-allowed-ipv4 seq 1 deny any
route-map ${router}-out permit 1
 match ip address prefix-list ${router}-allowed-ipv4
exit
ip prefix-list ${router}-inpl seq 1 permit any
route-map ${router}-in permit 1
 match ip address prefix-list ${router}-inpl
exit`,
  );
  return {
    zebra: zebraConfiguration({}),
    bgpd: `${policies.join('\n')}
router bgp 64515
${OPEN_POLICY}
${neighbors.map((router) => ` neighbor ${router} remote-as 64514\n neighbor ${router} timers connect 1`).join('\n')}
 address-family ipv4 unicast
${neighbors
  .map(
    (router) => `  neighbor ${router} activate
  neighbor ${router} route-map ${router}-in in
  neighbor ${router} route-map ${router}-out out`,
  )
  .join('\n')}
 exit-address-family`,
  };
}

function nginxConfiguration(node: LabNode): string {
  const directory = `/run/www/${node.host}`;
  return `worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server { listen 80; listen [::]:80; root ${directory}/pages; }
}`;
}

/**
 * Bash that makes a node as it is before its router starts: cabled to the switch, with the service's
 * address (as kube-proxy in IPVS mode holds it), nginx behind it, and FRR for MetalLB.
 */
export function buildNode(node: LabNode): string {
  return `set -e
${addNamespaces([node.host])}
ip link add toswitch1 netns ${node.host} type veth peer name ${node.host} netns sw
${ipBatch('sw', [`link set ${node.host} master br0`, `link set ${node.host} up`])}
${ipBatch(node.host, [
  'link set toswitch1 up',
  `address add ${node.underlay}/24 dev toswitch1`,
  'link add eth0 type dummy',
  'link set eth0 up',
  `address add 172.18.0.${node.index + 2}/16 dev eth0`,
  'link add kube-ipvs0 type dummy',
  'link set kube-ipvs0 up',
  `address add ${SERVICE_ADDRESS}/32 dev kube-ipvs0`,
])}
mkdir -p /run/www/${node.host}/pages
echo 'hello from ${node.host}' > /run/www/${node.host}/pages/index.html
head -c 200000 /dev/zero | tr '\\0' x > /run/www/${node.host}/pages/large
cat > /run/www/${node.host}/nginx.conf <<'END'
${nginxConfiguration(node)}
END
ip netns exec ${node.host} nginx -e /run/www/${node.host}/error.log -c /run/www/${node.host}/nginx.conf -g 'user root;'
${startFrr(node.host, hostConfiguration())}
`;
}

/** Bash that announces an address on the session of one VRF, as MetalLB does through FRR-K8s. */
export function announce(node: LabNode, address = SERVICE_ADDRESS, vrf: VrfName = 'red'): string {
  return vtysh(
    node.host,
    'configure terminal',
    `no ip prefix-list ${ROUTER_ADDRESS[vrf]}-allowed-ipv4 seq 1`,
    `ip prefix-list ${ROUTER_ADDRESS[vrf]}-allowed-ipv4 seq 1 permit ${address}/32`,
    'router bgp 64515',
    'address-family ipv4 unicast',
    `network ${address}/32`,
  );
}

/** Bash that takes back what {@link announce} announced. */
export function withdraw(node: LabNode, address = SERVICE_ADDRESS, vrf: VrfName = 'red'): string {
  return vtysh(
    node.host,
    'configure terminal',
    'router bgp 64515',
    'address-family ipv4 unicast',
    `no network ${address}/32`,
    'exit',
    'exit',
    `no ip prefix-list ${ROUTER_ADDRESS[vrf]}-allowed-ipv4 seq 1`,
    `ip prefix-list ${ROUTER_ADDRESS[vrf]}-allowed-ipv4 seq 1 deny any`,
  );
}

/** Kernel route table of a VRF in the router's namespace, when both VRFs are made in order. */
export function routerTable(vrf: VrfName): number {
  return Object.keys(VRFS).indexOf(vrf) + 1;
}
