import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame, IpPacket } from './capture/pcap-frames.ts';
import { Lab, type RunningCapture } from './lab.ts';
import { chooseRouter } from './router/router-choice.ts';
import { vtysh } from './topology/frr.ts';
import { announce, SERVICE_ADDRESS, withdraw } from './topology/node.ts';

const SERVICE = `${SERVICE_ADDRESS}/32`;
const SERVICE_URL = `http://${SERVICE_ADDRESS}/`;
const CURL_TIMED_OUT = 28;

/** Links on which nothing of red may ever be seen. */
const BLUE_LINKS: ReadonlyArray<readonly [namespace: string, device: string]> = [
  ['hostA_blue', 'eth1'],
  ['hostB_blue', 'eth1'],
  ['node1', 'host-e-200'],
  ['node2', 'host-e-200'],
];

/** True for the addresses that live in VRF red: the service, hosts of the leaves, ends of the veths. */
function isRed(address: string): boolean {
  return address === SERVICE_ADDRESS || /^(192\.168\.20|192\.169\.20|192\.169\.10)\./.test(address);
}

function packets(frames: readonly Frame[]): IpPacket[] {
  return frames.flatMap((frame) => frame.ip ?? []);
}

/** Tunnelled packets from or to the service. */
function tunnelled(frames: readonly Frame[]): Array<{ vni: number; outer: IpPacket; inner: IpPacket }> {
  return packets(frames).flatMap((outer) => {
    const inner = outer.vxlan?.inner.ip;
    const ofService = inner && [inner.source, inner.destination].includes(SERVICE_ADDRESS);
    return outer.vxlan && ofService ? [{ vni: outer.vxlan.vni, outer, inner }] : [];
  });
}

/** Route distinguishers under which leafkind has a Type 5 route to the service. */
async function distinguishersOfService(lab: Lab): Promise<string[]> {
  const json = await lab.machine.run(vtysh('leafkind', 'show bgp l2vpn evpn route type prefix json'));
  const table = JSON.parse(json) as Record<string, unknown>;
  return Object.entries(table)
    .filter(([, routes]) => JSON.stringify(routes).includes(`[32]:[${SERVICE_ADDRESS}]`))
    .map(([distinguisher]) => distinguisher);
}

describe('MetalLB across the fabric', () => {
  let lab: Lab;
  let underlay: RunningCapture;
  const blue: RunningCapture[] = [];

  beforeAll(async () => {
    lab = await Lab.start({ repository: process.cwd(), router: chooseRouter() });
    for (const node of lab.nodes) await lab.startRouter(node);
    for (const [namespace, device] of BLUE_LINKS) blue.push(await lab.capture(namespace, device));
    underlay = await lab.capture('sw', 'node1');
  });

  afterAll(async () => {
    await lab?.stop();
  });

  it('gives the host the way back to the fabric', async () => {
    await lab.waitRoute('node1', 'main', '192.168.20.0/24', 'via 192.169.10.1 dev host-e-100');
    await lab.waitRoute('node1', 'main', '192.168.21.0/24', 'via 192.169.11.1 dev host-e-200');
    await lab.waitRoute('node1', 'main', '192.169.10.3/32', 'via 192.169.10.1 dev host-e-100');
    await lab.waitRoute('node1', 'main', '192.169.11.3/32', 'via 192.169.11.1 dev host-e-200');
  });

  it('keeps the routes of red and blue apart', async () => {
    for (const namespace of ['pe1', 'pe2', 'leafA', 'leafB']) {
      const red = await lab.machine.run(`ip -n ${namespace} route show vrf red`);
      const blueRoutes = await lab.machine.run(`ip -n ${namespace} route show vrf blue`);
      expect(red).toMatch(/^192\.16[89]\.[12]0\./m);
      expect(red).not.toMatch(/192\.16[89]\.[12]1\./);
      expect(blueRoutes).toMatch(/^192\.16[89]\.[12]1\./m);
      expect(blueRoutes).not.toMatch(/192\.16[89]\.[12]0\./);
    }
  });

  it('carries an announced address into the kernel of a leaf, in red only', async () => {
    await lab.machine.run(announce(lab.nodes[0]));
    await lab.waitRoute('leafA', 'red', SERVICE, 'via 100.65.0.0 dev br100');
    expect(await lab.route('pe1', 'red', SERVICE)).toMatch(/via 192\.169\.10\.2 dev pe-e-100/);
    expect(await lab.route('pe2', 'red', SERVICE)).toMatch(/via 100\.65\.0\.0 dev br-pe-100 .*onlink/);
    for (const namespace of ['leafA', 'leafB', 'pe1', 'pe2']) {
      expect(await lab.route(namespace, 'blue', SERVICE)).toBe('');
    }
    expect(await distinguishersOfService(lab)).toHaveLength(1);
  });

  it('answers a red host, and not a blue one', async () => {
    expect(await lab.fetch('hostA_red', SERVICE_URL)).toMatchObject({
      status: 0,
      body: 'hello from node1\n',
    });
    expect(await lab.fetch('hostB_red', SERVICE_URL)).toMatchObject({
      status: 0,
      body: 'hello from node1\n',
    });
    for (const host of ['hostA_blue', 'hostB_blue']) {
      expect(await lab.fetch(host, SERVICE_URL)).toMatchObject({ status: CURL_TIMED_OUT, body: '' });
    }
  });

  it('carries a large page', async () => {
    // Without segmentation offload the packets are seen as they would be on a cable.
    await lab.machine.run('ip -n node1 link set host-e-100 gso_max_segs 1');
    const answer = await lab.fetch('hostA_red', `${SERVICE_URL}large`, 10);
    expect(answer.status).toBe(0);
    expect(answer.body).toHaveLength(200_000);
  });

  it('carried red through the tunnel under VNI 100 and nothing else', async () => {
    const seen = tunnelled(await underlay.stop());
    expect(new Set(seen.map(({ vni }) => vni))).toEqual(new Set([100]));
    const ways = new Set(seen.map(({ outer }) => `${outer.source} > ${outer.destination}`));
    expect(ways).toContain('100.64.0.1 > 100.65.0.0');
    expect(ways).toContain('100.65.0.0 > 100.64.0.1');
    // Full segments: the 1450 bytes of the veth's MTU, and 50 of encapsulation around them.
    expect(Math.max(...seen.map(({ outer }) => outer.length))).toBe(1500);
    expect(seen.filter(({ outer, inner }) => outer.fragment || inner.fragment)).toEqual([]);
  });

  it('spreads over both nodes when both announce', async () => {
    await lab.machine.run(announce(lab.nodes[1]));
    await lab.waitRoute('leafA', 'red', SERVICE, 'via 100.65.0.0 ', 'via 100.65.0.1 ');
    expect(await lab.route('pe1', 'red', SERVICE)).toMatch(/via 192\.169\.10\.2 dev pe-e-100/);
    expect(await distinguishersOfService(lab)).toHaveLength(2);
  });

  it('falls back to the other node, and does not export what it imported', async () => {
    await lab.machine.run(withdraw(lab.nodes[0]));
    await lab.waitRoute('pe1', 'red', SERVICE, 'via 100.65.0.1 dev br-pe-100 .*onlink');
    await lab.waitUntil(
      "leafA's only next hop is node2",
      `ip -n leafA route show vrf red exact ${SERVICE} | tr '\\n' ' ' | grep 'via 100.65.0.1 ' | grep -v '100.65.0.0 '`,
    );
    expect(await distinguishersOfService(lab)).toEqual([expect.stringMatching(/^10\.0\.0\.2:/)]);
    expect(await lab.fetch('hostA_red', SERVICE_URL)).toMatchObject({
      status: 0,
      body: 'hello from node2\n',
    });
  });

  it('removes a withdrawn address from every kernel', async () => {
    await lab.machine.run(withdraw(lab.nodes[1]));
    for (const namespace of ['leafA', 'pe1', 'pe2']) await lab.waitNoRoute(namespace, 'red', SERVICE);
    expect(await distinguishersOfService(lab)).toEqual([]);
    expect((await lab.fetch('hostA_red', SERVICE_URL)).status).not.toBe(0);
  });

  it('recovers from a reset of all sessions of the leaf', async () => {
    await lab.machine.run(announce(lab.nodes[0]));
    await lab.waitRoute('leafA', 'red', SERVICE);
    await lab.machine.run(vtysh('leafkind', 'clear bgp *'));
    await lab.waitNoRoute('leafA', 'red', SERVICE);
    await lab.waitRoute('leafA', 'red', SERVICE, 'via 100.65.0.0 dev br100');
    expect(await lab.fetch('hostA_red', SERVICE_URL)).toMatchObject({
      status: 0,
      body: 'hello from node1\n',
    });
  });

  it('recovers from a lost link to the fabric', async () => {
    await lab.machine.run('ip -n sw link set node1 down');
    await lab.waitNoRoute('leafA', 'red', SERVICE);
    await lab.machine.run('ip -n sw link set node1 up');
    await lab.waitRoute('leafA', 'red', SERVICE, 'via 100.65.0.0 dev br100');
    expect(await lab.fetch('hostA_red', SERVICE_URL)).toMatchObject({
      status: 0,
      body: 'hello from node1\n',
    });
  });

  it('recovers from a crash of the router, and finds what it left', async () => {
    await lab.machine.run(lab.router.kill(lab.nodes[0]));
    await lab.waitNoRoute('leafA', 'red', SERVICE);
    // For the next test this one leaves everything when it ends.
    await lab.machine.run(lab.router.restart(lab.nodes[0]).replace('--cleanup', ''));
    await lab.waitRouterReady(lab.nodes[0]);
    await lab.waitRoute('leafA', 'red', SERVICE, 'via 100.65.0.0 dev br100');
    expect(await lab.fetch('hostA_red', SERVICE_URL)).toMatchObject({
      status: 0,
      body: 'hello from node1\n',
    });
  });

  it('leaves all routes to the kernel when it is stopped in order', async () => {
    const [node] = lab.nodes;
    const routes = (): Promise<string> => lab.machine.run(`ip -n ${node.router} route show vrf red`);
    const before = await routes();
    expect(before).toContain('192.168.20.');
    await lab.machine.run(lab.router.stop(node));
    await lab.waitNoRoute('leafA', 'red', SERVICE);
    expect(await routes()).toBe(before);
    await lab.machine.run(lab.router.restart(node));
    await lab.waitRouterReady(node);
    await lab.waitRoute('leafA', 'red', SERVICE, 'via 100.65.0.0 dev br100');
    expect(await routes()).toBe(before);
  });

  it('showed nothing of red on any blue link', async () => {
    for (const capture of blue.splice(0)) {
      const seen = packets(await capture.stop());
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.filter(({ source }) => isRed(source))).toEqual([]);
      // A blue client may ask for the address; that must not come out anywhere else.
      const fromElsewhere = seen.filter(({ source }) => !/^192\.16[89]\.21\./.test(source));
      expect(fromElsewhere.filter(({ destination }) => isRed(destination))).toEqual([]);
    }
  });

  it('gives the host its device back at the end', async () => {
    await lab.machine.run(lab.router.stop(lab.nodes[0]));
    expect(await lab.machine.run('ip -n node1 -br address show toswitch1')).toMatch(
      /UP +192\.168\.11\.3\/24/,
    );
    expect((await lab.machine.attempt('ip -n node1 link show host-e-100')).status).not.toBe(0);
    expect(await lab.machine.run('ip netns list')).not.toMatch(/\bpe1\b/);
  });
});
