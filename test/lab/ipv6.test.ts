import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from './lab.ts';
import { openpeRouterWith } from './router/openpe-router.ts';
import { vtysh } from './topology/frr.ts';
import type { LabNode } from './topology/node.ts';

const SERVICE = '2001:db8:172:30::10';
const ROUTER_SIDE = '2001:db8:169:10::1';

/** Directories of the guest with the resources of the two parts of this test. */
const DUAL_STACK = '/run/resources/dual-stack';
const IPV6_TUNNELS = '/run/resources/ipv6-tunnels';

/** Resources with VRF red alone. */
function resources(vteps: string, neighbor: string, localCidr: string): string {
  return `apiVersion: network.openperouter.io/v1alpha1
kind: Underlay
metadata: {name: underlay}
spec:
  asn: 64514
  tunnelEndpoint: {cidrs: ["${vteps}"]}
  interfaces: [{type: NetworkDevice, networkDevice: {interfaceName: toswitch1}}]
  neighbors: [{asn: 64512, address: "${neighbor}"}]
---
apiVersion: network.openperouter.io/v1alpha1
kind: L3VNI
metadata: {name: red}
spec:
  vrf: red
  vni: 100
  hostSession: {asn: 64514, hostASN: 64515, localCIDR: ${localCidr}}`;
}

/** Bash that gives the segment between leafkind and the nodes IPv6 addresses, and leafkind's sessions IPv6 routes. */
function addIpv6ToUnderlay(nodes: readonly LabNode[]): string {
  return `set -e
ip -n leafkind address add 2001:db8:11::2/64 dev toswitch1 nodad
${nodes.map(({ host, index }) => `ip -n ${host} address add 2001:db8:11::${index + 3}/64 dev toswitch1 nodad`).join('\n')}
${vtysh('leafkind', 'configure terminal', 'router bgp 64512', 'bgp listen range 2001:db8:11::/64 peer-group kind-nodes', 'address-family ipv6 unicast', 'neighbor kind-nodes activate')}`;
}

/** Bash that has FRR on the host announce an IPv6 address over a session of its own, as FRR-K8s configures it. */
function announceIpv6({ host }: LabNode): string {
  return `ip -n ${host} address add ${SERVICE}/128 dev kube-ipvs0 nodad
${vtysh(
  host,
  'configure terminal',
  `ipv6 prefix-list allowed-ipv6 seq 1 permit ${SERVICE}/128`,
  'route-map out-ipv6 permit 1',
  'match ipv6 address prefix-list allowed-ipv6',
  'exit',
  'router bgp 64515',
  `neighbor ${ROUTER_SIDE} remote-as 64514`,
  `neighbor ${ROUTER_SIDE} timers connect 1`,
  'address-family ipv6 unicast',
  `neighbor ${ROUTER_SIDE} activate`,
  `neighbor ${ROUTER_SIDE} route-map out-ipv6 out`,
  `network ${SERVICE}/128`,
)}`;
}

describe('IPv6', () => {
  let lab: Lab;
  const dualStack = openpeRouterWith(DUAL_STACK, 2);

  beforeAll(async () => {
    lab = await Lab.start({ repository: process.cwd(), router: dualStack });
    await lab.machine.run(`mkdir -p ${DUAL_STACK} ${IPV6_TUNNELS}
cat > ${DUAL_STACK}/openpe.yaml <<'END'
${resources('100.65.0.0/24', '192.168.11.2', '{ipv4: 192.169.10.0/24, ipv6: "2001:db8:169:10::/64"}')}
END
cat > ${IPV6_TUNNELS}/openpe.yaml <<'END'
${resources('2001:db8:65::/64', '2001:db8:11::2', '{ipv4: 192.169.10.0/24}')}
END
${addIpv6ToUnderlay(lab.nodes)}`);
    for (const node of lab.nodes) await lab.startRouter(node);
  });

  afterAll(async () => {
    await lab?.stop();
  });

  it('carries an address of a second host session through IPv4 tunnels to the leaves', async () => {
    await lab.machine.run(announceIpv6(lab.nodes[0]));
    await lab.waitUntil(
      "leafA's route to the service",
      `ip -n leafA -6 route show vrf red exact ${SERVICE}/128 | grep 'via ::ffff:100.65.0.0'`,
    );
    const onPe2 = await lab.machine.run(`ip -n pe2 -6 route show vrf red exact ${SERVICE}/128`);
    expect(onPe2).toMatch(/via ::ffff:100\.65\.0\.0 dev br-pe-100 .*onlink/);
  });

  it('answers a red host, in VXLAN 100 between IPv4 tunnel endpoints', async () => {
    const underlay = await lab.capture('sw', 'node1', 'udp port 4789');
    expect(await lab.fetch('hostA_red', `-g 'http://[${SERVICE}]/'`)).toMatchObject({
      status: 0,
      body: 'hello from node1\n',
    });
    const frames = await underlay.stop();
    expect(frames.length).toBeGreaterThan(4);
    expect(new Set(frames.map(({ ip }) => ip?.vxlan?.vni))).toEqual(new Set([100]));
    expect(new Set(frames.map(({ ip }) => ip?.source))).toEqual(new Set(['100.65.0.0', '100.64.0.1']));
  });

  it('is there again in the kernel after somebody removed the VRF, then the bridge', async () => {
    for (const device of ['red', 'br-pe-100']) {
      await lab.machine.run(`ip -n pe1 link delete ${device}`);
      await lab.waitUntil(
        `what a route through the tunnel to leafA needs, without ${device}`,
        `ip -n pe1 -6 route show vrf red exact 2001:db8:20::/64 | grep 'via ::ffff:100.64.0.1 dev br-pe-100' &&
mac=$(ip -n pe1 neigh show ::ffff:100.64.0.1 dev br-pe-100 | grep -oE 'lladdr [0-9a-f:]+' | cut -d ' ' -f 2) &&
ip netns exec pe1 bridge fdb show dev vni100 | grep "^$mac dst 100.64.0.1 self" &&
ip netns exec pe1 bridge fdb show dev vni100 | grep "^$mac .*master br-pe-100" &&
ip -n pe1 -6 route show vrf red exact ${SERVICE}/128 | grep 'dev pe-e-100'`,
      );
    }
  });

  it('tunnels between IPv6 endpoints when the Underlay says so', async () => {
    const tunnels = openpeRouterWith(IPV6_TUNNELS, 2);
    for (const node of lab.nodes) {
      await lab.machine.run(dualStack.stop(node));
      await lab.machine.run(tunnels.start(node));
    }
    for (const node of lab.nodes) {
      await lab.waitUntil(`sessions of ${node.host}`, tunnels.ready(node), 60);
    }
    await lab.waitUntil(
      "pe2's route to node1's host",
      "ip -n pe2 route show vrf red exact 192.169.10.2/32 | grep 'via inet6 2001:db8:65:: dev br-pe-100'",
    );
    expect(await lab.machine.run('ip -n pe1 link show pe-e-100')).toMatch(/mtu 1430/);
    const seen = await lab.machine.run(`ip netns exec pe1 timeout 20 \\
  tcpdump -n -i toswitch1 -c 2 udp port 4789 > /run/ipv6-tunnel.txt 2> /run/ipv6-tunnel.log &
until grep -q listening /run/ipv6-tunnel.log; do sleep 0.05; done
ip netns exec node2 curl -sS --max-time 5 --interface 192.169.10.3 http://192.169.10.2/
wait %1
cat /run/ipv6-tunnel.txt`);
    expect(seen).toMatch(/^hello from node1$/m);
    expect(seen).toMatch(/IP6 2001:db8:65::1\.\d+ > 2001:db8:65::\.4789: VXLAN, .*vni 100/);
  });
});
