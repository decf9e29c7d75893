import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_INSTANCE, type RoutingInstance } from '../../../bgp/routing-instance.ts';
import { NO_ATTRIBUTES } from '../../../bgp/wire/attribute-types.ts';
import { IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../../bgp/wire/family.ts';
import { encodeUpdate, type UpdateContent } from '../../../bgp/wire/update.ts';
import { PrefixImporter } from '../../../evpn/prefix-importer.ts';
import { VrfExporter } from '../../../evpn/vrf-exporter.ts';
import { ByteWriter } from '../../../net/byte-writer.ts';
import { toHex } from '../../../net/hex.ts';
import { parsePrefix } from '../../../net/prefix.ts';
import { addressOf, type FakeSession, SpeakerBench, settingsOf } from '../bgp/rib/speaker-bench.ts';
import { EBGP_CONTEXT } from '../bgp/wire/contexts.ts';
import { ribOf, Vrf } from './vrf-bench.ts';

const ROUTER_MAC = Uint8Array.of(0xe2, 0x5f, 0x1d, 0xdf, 0xb4, 0x69);

/** One node: a fabric peer, a VRF red with VNI 100, and its host. */
class Node {
  readonly bench = new SpeakerBench();
  readonly fabric: RoutingInstance;
  readonly importer: PrefixImporter;
  readonly red: Vrf;
  readonly leaf: FakeSession;
  readonly host: FakeSession;
  readonly #writer = new ByteWriter();

  constructor({ routerMac }: { routerMac: Uint8Array | undefined }) {
    const { speaker } = this.bench;
    this.fabric = speaker.addInstance(DEFAULT_INSTANCE, [IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN], false);
    this.importer = new PrefixImporter(ribOf(this.fabric, L2VPN_EVPN), () => true);
    const importRule = { type: 'vni', vni: 100 } as const;
    this.red = new Vrf(speaker, this.fabric, this.importer, {
      name: 'red',
      vni: 100,
      number: 2,
      importRule,
      routerMac,
    });
    this.red.join();
    speaker.addFollower(this.importer);
    this.leaf = this.#peer('192.168.11.2', 64512, this.fabric);
    this.host = this.#peer('192.169.10.2', 64515, this.red.instance);
    this.leaf.up();
    this.host.up();
    this.bench.settle();
    this.clear();
  }

  #peer(address: string, asn: number, instance: RoutingInstance): FakeSession {
    const families = [...instance.ribs.keys()];
    const settings = { ...settingsOf(address, 64514, asn), families };
    this.bench.speaker.addPeer({ settings, instance, allowOwnAs: 3 });
    const session = this.bench.sessions.at(-1);
    if (!session) throw new Error('no session');
    return session;
  }

  clear(): void {
    this.leaf.sent = [];
    this.host.sent = [];
  }

  receive(session: FakeSession, content: UpdateContent): void {
    encodeUpdate(this.#writer.reset(), content, EBGP_CONTEXT);
    expect(session.receive(this.#writer.take())).toBeUndefined();
    this.bench.settle();
  }

  hostAnnounces(text: string): void {
    const prefix = parsePrefix(text);
    if (!prefix) throw new Error(text);
    const family = prefix.address.version === 4 ? IPV4_UNICAST : IPV6_UNICAST;
    const attributes = {
      ...NO_ATTRIBUTES,
      origin: 0 as const,
      asPath: [{ type: 2, asns: [64515] }],
      med: 0,
    };
    const routes = [{ kind: 'unicast' as const, family, prefix }];
    this.receive(
      this.host,
      family === IPV4_UNICAST
        ? { attributes: { ...attributes, nextHop: addressOf('192.169.10.2') }, nlri: routes }
        : { attributes, mpReach: { family, nextHop: { address: addressOf('2001:db8:169:10::2') }, routes } },
    );
  }
}

const hex = (text: string): string => text.replaceAll(/\s/g, '');
const MARKER = 'ff'.repeat(16);

describe('what a host route becomes', () => {
  let node: Node;
  beforeEach(() => {
    node = new Node({ routerMac: ROUTER_MAC });
  });

  it('is the Type 5 route of the reference lab, byte by byte', () => {
    node.hostAnnounces('172.30.0.10/32');
    // As FRR 10.3 sent it in the reference lab.
    const wanted = hex(`${MARKER} 007c 02 0000 0065
      90 0e 002d 0019 46 04 64410000 00
      05 22 0001 0a000001 0002 00000000000000000000 00000000 20 ac1e000a 00000000 000064
      40 01 01 00
      50 02 000a 0202 0000fc02 0000fc03
      80 04 04 00000000
      c0 10 18 030c000000000008 0002fc0200000064 0603e25f1ddfb469`);
    expect(node.leaf.sent.map((bytes) => toHex(bytes))).toEqual([wanted]);
  });

  it('is withdrawn with label 0', () => {
    node.hostAnnounces('172.30.0.10/32');
    node.clear();
    const prefix = parsePrefix('172.30.0.10/32');
    if (!prefix) throw new Error('no prefix');
    node.receive(node.host, { withdrawn: [{ kind: 'unicast', family: IPV4_UNICAST, prefix }] });
    // Likewise.
    const wanted = hex(`${MARKER} 0042 02 0000 002b 90 0f 0027 0019 46
      05 22 0001 0a000001 0002 00000000000000000000 00000000 20 ac1e000a 00000000 000000`);
    expect(node.leaf.sent.map((bytes) => toHex(bytes))).toEqual([wanted]);
  });

  it('has 58 octets and still the IPv4 next hop for IPv6', () => {
    node.hostAnnounces('2001:db8:172:30::10/128');
    const [sent = new Uint8Array(0)] = node.leaf.sent;
    const nlri = hex(`0019 46 04 64410000 00 05 3a 0001 0a000001 0002 00000000000000000000 00000000
      80 20010db8017200300000000000000010 ${'00'.repeat(16)} 000064`);
    expect(toHex(sent)).toContain(nlri);
  });

  it('is nothing while the router MAC is not known', () => {
    const unknown = new Node({ routerMac: undefined });
    unknown.hostAnnounces('172.30.0.10/32');
    expect(unknown.red.exporters.map(({ exported }) => exported)).toEqual([0, 0]);
    expect(unknown.leaf.sent).toEqual([]);
  });

  it('concerns nobody else when a VRF joins EVPN, and is withdrawn when its own leaves', () => {
    node.hostAnnounces('172.30.0.10/32');
    const attributes = {
      ...NO_ATTRIBUTES,
      origin: 0 as const,
      asPath: [{ type: 2, asns: [64512, 64520] }],
      extendedCommunities: Uint8Array.of(0, 2, 0xfc, 8, 0, 0, 0, 100, 6, 3, 2, 0, 0, 0, 0, 1),
    };
    const prefix = parsePrefix('192.168.20.0/24');
    if (!prefix) throw new Error('no prefix');
    const route = {
      kind: 'evpn' as const,
      family: L2VPN_EVPN,
      routeType: 5 as const,
      rd: new Uint8Array(8),
      esi: new Uint8Array(10),
      ethernetTag: 0,
      prefix,
      gateway: addressOf('0.0.0.0'),
      label: 100,
    };
    const mpReach = { family: L2VPN_EVPN, nextHop: { address: addressOf('100.64.0.1') }, routes: [route] };
    node.receive(node.leaf, { attributes, mpReach });
    const rib = ribOf(node.red.instance, IPV4_UNICAST);
    expect(rib.bestCount).toBe(2);
    node.clear();
    const { speaker } = node.bench;
    const plan = { name: 'green', vni: 100, number: 3, routerMac: ROUTER_MAC };
    new Vrf(speaker, node.fabric, node.importer, { ...plan, importRule: { type: 'vni', vni: 100 } }).join();
    const evpnRib = ribOf(node.fabric, L2VPN_EVPN);
    speaker.addFollower(new VrfExporter(node.red.evpn, rib, evpnRib, node.fabric.localSource));
    node.bench.settle();
    expect(ribOf(speaker.instances.get('green') ?? node.fabric, IPV4_UNICAST).bestCount).toBe(1);
    expect([node.leaf.sent.length, node.host.sent.length]).toEqual([0, 0]);
    node.red.leave();
    node.bench.settle();
    expect(rib.bestCount).toBe(1);
    expect(node.leaf.sent).toHaveLength(1);
  });
});
