import { beforeEach, describe, expect, it } from 'vitest';
import type { SessionHandle } from '../../../bgp/session/session-events.ts';
import { NO_ATTRIBUTES } from '../../../bgp/wire/attribute-types.ts';
import { IPV4_UNICAST, L2VPN_EVPN } from '../../../bgp/wire/family.ts';
import { encodeUpdate, type UpdateContent } from '../../../bgp/wire/update.ts';
import { formatAddress } from '../../../net/address.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { toHex } from '../../../net/hex.ts';
import { formatPrefix, type IpPrefix, parsePrefix } from '../../../net/prefix.ts';
import type { L3Vni, NodeConfiguration, Underlay } from '../../../src/config/model.ts';
import { listenEndpoints } from '../../../src/daemon/peer-plan.ts';
import { Router } from '../../../src/daemon/router.ts';
import type { ConnectedSubnet } from '../../../src/node/next-hop-resolver.ts';
import { ReceivedRoutes } from '../bgp/rib/received-routes.ts';
import { addressOf, FakeSession } from '../bgp/rib/speaker-bench.ts';
import { FakeClock } from '../bgp/session/fake-clock.ts';
import { EBGP_CONTEXT } from '../bgp/wire/contexts.ts';
import { FakeRouteTable } from '../node/fake-route-table.ts';

const source = { kind: 'L3VNI', name: 'red', location: { file: 'x.yaml', line: 1, column: 1 } } as const;

function prefixOf(text: string): IpPrefix {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(text);
  return prefix;
}

const underlay: Underlay = {
  source,
  asn: 64514,
  routerId: addressOf('10.0.0.1'),
  vtepIpv4: addressOf('100.65.0.0'),
  interfaces: ['toswitch'],
  neighbors: [
    {
      peer: { by: 'address', address: addressOf('192.168.11.2') },
      asn: 64512,
      port: 179,
      holdTime: 180,
      keepaliveTime: 60,
      connectRetryTime: 5,
      ebgpTtl: 1,
      families: [
        { family: 'ipv4unicast', routeReflectorClient: false },
        { family: 'evpn', routeReflectorClient: false },
      ],
    },
  ],
};

function vniOf(vrf: string, vni: number, network: string): L3Vni {
  return {
    source,
    vrf,
    vni,
    vxlanPort: 4789,
    vtepVersion: 4,
    exportRouteTargets: [],
    importRouteTargets: [],
    hostSession: {
      asn: 64514,
      hostAsn: 64515,
      ipv4: {
        cidr: prefixOf(`${network}.0/24`),
        router: prefixOf(`${network}.1/24`),
        host: prefixOf(`${network}.2/24`),
      },
    },
  };
}

const configuration: NodeConfiguration & { readonly underlay: Underlay } = {
  nodeIndex: 0,
  underlay,
  l3vnis: [vniOf('red', 100, '192.169.10'), vniOf('blue', 200, '192.169.11')],
};

/** The router on a kernel that only remembers, between sessions that only note. */
class Node {
  readonly routes = new FakeRouteTable();
  readonly macs = new Map<number, Uint8Array>();
  readonly tables = new Map<string, number>();
  connected: ConnectedSubnet[] = [{ device: 'toswitch', prefix: prefixOf('192.168.11.0/24') }];
  readonly router: Router;
  readonly sessions = new Map<string, FakeSession>();
  readonly world = { namespace: 'perouter', listen: [], isRestarting: () => false, isPreserved: () => false };
  readonly #deferred: (() => void)[] = [];
  readonly #writer = new ByteWriter();

  constructor() {
    const { routes, macs, tables } = this;
    const connected = (): ConnectedSubnet[] => this.connected;
    this.router = new Router({
      configuration,
      world: this.world,
      clock: new FakeClock(),
      openSession: (settings, events): SessionHandle => {
        const session = new FakeSession(settings, events);
        this.sessions.set(settings.name, session);
        return session;
      },
      defer: (callback) => this.#deferred.push(callback),
      events: {},
      kernel: {
        facts: {
          tableOf: (vrf) => tables.get(vrf),
          routerMacOf: (vni) => macs.get(vni),
          get connected() {
            return connected();
          },
          ownAddresses: [],
          addressesBeside: () => [],
        },
        routes,
        flushRoutes: () => undefined,
      },
    });
    this.router.start();
  }

  /** The kernel has a VRF and its bridge. */
  vrfIsThere(vrf: string, vni: number, table: number, mac: number): void {
    this.tables.set(vrf, table);
    this.macs.set(vni, Uint8Array.of(2, 0, 0, 0, 0, mac));
    this.router.followKernel();
    this.settle();
  }

  session(name: string): FakeSession {
    const session = this.sessions.get(name);
    if (!session) throw new Error(`no session ${name}: ${[...this.sessions.keys()].join()}`);
    return session;
  }

  settle(): void {
    for (let callback = this.#deferred.shift(); callback; callback = this.#deferred.shift()) callback();
  }

  receive(name: string, content: UpdateContent): void {
    encodeUpdate(this.#writer.reset(), content, EBGP_CONTEXT);
    expect(this.session(name).receive(this.#writer.take())).toBeUndefined();
    this.settle();
  }

  announce(name: string, prefix: string, asns: readonly number[], nextHop: string): void {
    const asPath = [{ type: 2, asns }];
    const attributes = { ...NO_ATTRIBUTES, origin: 0 as const, asPath, nextHop: addressOf(nextHop) };
    this.receive(name, {
      attributes,
      nlri: [{ kind: 'unicast', family: IPV4_UNICAST, prefix: prefixOf(prefix) }],
    });
  }

  /** A leaf's Type 5 route for VNI 100, behind its tunnel endpoint. */
  announceTypeFive(prefix: string, vtep: string, rd: number): void {
    this.receive('192.168.11.2', {
      attributes: {
        ...NO_ATTRIBUTES,
        origin: 0,
        asPath: [{ type: 2, asns: [64512, 64520] }],
        extendedCommunities: Uint8Array.of(0, 2, 0xfc, 8, 0, 0, 0, 100, 6, 3, 0xaa, 0xbb, 0xcc, 0, 0, rd),
      },
      mpReach: {
        family: L2VPN_EVPN,
        nextHop: { address: addressOf(vtep) },
        routes: [
          {
            kind: 'evpn',
            family: L2VPN_EVPN,
            routeType: 5,
            rd: Uint8Array.of(0, 1, 10, 0, 0, 9, 0, rd),
            esi: new Uint8Array(10),
            ethernetTag: 0,
            prefix: prefixOf(prefix),
            gateway: addressOf('0.0.0.0'),
            label: 100,
          },
        ],
      },
    });
  }

  /** What a peer has been sent, as text. */
  told(name: string): string[] {
    const view = new ReceivedRoutes(EBGP_CONTEXT);
    for (const bytes of this.session(name).sent) view.apply(bytes);
    return [...view.routes.values()]
      .map(({ route, nextHop }) => {
        const hop = nextHop && formatAddress(nextHop.address);
        if (route.kind === 'unicast') return `${formatPrefix(route.prefix)} via ${hop}`;
        if (route.kind !== 'evpn' || route.routeType !== 5) return '?';
        return `${toHex(route.rd)} ${formatPrefix(route.prefix)} ${route.label} via ${hop}`;
      })
      .sort();
  }
}

const LEAF = '192.168.11.2';
const RED = 'red/192.169.10.2';
const BLUE = 'blue/192.169.11.2';

describe('the router', () => {
  let node: Node;
  beforeEach(() => {
    node = new Node();
    for (const name of [LEAF, RED, BLUE])
      node.session(name).up({ families: node.session(name).settings.families });
    node.settle();
  });

  it('has a session to the fabric and one for each VRF and IP version', () => {
    expect([...node.sessions.keys()]).toEqual([LEAF, RED, BLUE]);
    const { settings } = node.session(RED);
    expect(settings.socket).toEqual({ namespace: 'perouter', device: 'red', ttl: 1 });
    expect(settings.localAddress && formatAddress(settings.localAddress)).toBe('192.169.10.1');
    expect([settings.localAs, settings.remoteAs, settings.families]).toEqual([64514, 64515, [IPV4_UNICAST]]);
    expect(node.session(LEAF).settings.families).toEqual([IPV4_UNICAST, L2VPN_EVPN]);
    expect(listenEndpoints(settings, node.world)).toEqual([{ address: addressOf('0.0.0.0'), port: 179 }]);
  });

  it('exports nothing before the kernel has the VRF, then host routes under its table and MAC address', () => {
    node.announce(RED, '172.30.0.10/32', [64515], '192.169.10.2');
    expect(node.told(LEAF)).toEqual(['100.65.0.0/32 via 192.0.2.1']);
    node.vrfIsThere('red', 100, 7, 1);
    expect(node.told(LEAF)).toEqual([
      '00010a0000010007 172.30.0.10/32 100 via 100.65.0.0',
      '00010a0000010007 192.169.10.2/32 100 via 100.65.0.0',
      '100.65.0.0/32 via 192.0.2.1',
    ]);
    expect([...node.routes.routes]).toEqual([['7 172.30.0.10/32', ['192.169.10.2 pe-e-100']]]);
    expect(node.told(BLUE)).toEqual(['192.169.11.2/32 via 192.0.2.1']);
  });

  it('imports once the tunnel endpoint is reachable, and spreads traffic over several', () => {
    node.vrfIsThere('red', 100, 7, 1);
    node.vrfIsThere('blue', 200, 8, 2);
    node.announceTypeFive('192.168.20.0/24', '100.64.0.1', 1);
    node.announceTypeFive('192.168.20.0/24', '100.64.0.2', 2);
    expect(node.routes.routes.has('7 192.168.20.0/24')).toBe(false);
    node.announce(LEAF, '100.64.0.1/32', [64512], '192.168.11.2');
    expect(node.routes.routes.get('7 192.168.20.0/24')).toEqual(['100.64.0.1 br-pe-100 aabbcc000001']);
    node.announce(LEAF, '100.64.0.2/32', [64512], '192.168.11.2');
    expect(node.routes.routes.get('7 192.168.20.0/24')).toEqual([
      '100.64.0.1 br-pe-100 aabbcc000001',
      '100.64.0.2 br-pe-100 aabbcc000002',
    ]);
    expect(node.routes.routes.get('254 100.64.0.1/32')).toEqual(['192.168.11.2 toswitch']);
    expect(node.told(RED)).toContain('192.168.20.0/24 via 192.0.2.1');
    // Neither the other VRF nor the fabric hears of it.
    expect(node.told(BLUE)).toEqual(['192.169.11.2/32 via 192.0.2.1']);
    expect([...node.routes.routes.keys()].filter((key) => key.startsWith('8 '))).toEqual([]);
    expect(node.told(LEAF).filter((text) => text.includes('192.168.20.0'))).toEqual([]);
  });

  it('takes everything back when the fabric is lost, and nothing of the host', () => {
    node.vrfIsThere('red', 100, 7, 1);
    node.announce(RED, '172.30.0.10/32', [64515], '192.169.10.2');
    node.announce(LEAF, '100.64.0.1/32', [64512], '192.168.11.2');
    node.announceTypeFive('192.168.20.0/24', '100.64.0.1', 1);
    node.session(LEAF).down();
    node.settle();
    expect([...node.routes.routes.keys()]).toEqual(['7 172.30.0.10/32']);
    expect(node.told(RED)).toEqual(['192.169.10.2/32 via 192.0.2.1']);
  });

  it('starts anew under another table when the kernel’s VRF is another one', () => {
    node.vrfIsThere('red', 100, 7, 1);
    node.announce(RED, '172.30.0.10/32', [64515], '192.169.10.2');
    node.announce(LEAF, '100.64.0.1/32', [64512], '192.168.11.2');
    node.announceTypeFive('192.168.20.0/24', '100.64.0.1', 1);
    node.vrfIsThere('red', 100, 9, 3);
    expect([...node.routes.routes.keys()].sort()).toEqual([
      '254 100.64.0.1/32',
      '9 172.30.0.10/32',
      '9 192.168.20.0/24',
    ]);
    expect(node.told(LEAF).filter((text) => text.includes('172.30.0.10'))).toEqual([
      '00010a0000010009 172.30.0.10/32 100 via 100.65.0.0',
    ]);
    node.tables.delete('red');
    node.router.followKernel();
    node.settle();
    expect([...node.routes.routes.keys()]).toEqual(['254 100.64.0.1/32']);
  });

  it('drops what points back at it: other nodes share its AS', () => {
    node.vrfIsThere('red', 100, 7, 1);
    node.announce(LEAF, '100.64.0.1/32', [64512], '192.168.11.2');
    node.announceTypeFive('192.168.20.0/24', '100.65.0.0', 1);
    expect(node.router.fabric.ribs.get(L2VPN_EVPN)?.paths.size).toBe(1);
  });

  it('converges when every session has sent End-of-RIB, and says goodbye to all', () => {
    expect(node.router.converged).toBe(false);
    node.router.stop(2, 'shutdown');
    node.settle();
    expect(node.router.speaker.peers).toEqual([]);
    expect(node.routes.references).toBe(0);
  });
});
