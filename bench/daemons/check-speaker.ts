import { connect, type Socket } from 'node:net';
import type { PathAttributes } from '../../bgp/wire/attribute-types.ts';
import { NO_ATTRIBUTES } from '../../bgp/wire/attribute-types.ts';
import { formatCommunity } from '../../bgp/wire/communities.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { EXTENDED_COMMUNITY_SIZE, formatExtendedCommunity } from '../../bgp/wire/extended-communities.ts';
import { type Family, IPV4_UNICAST, IPV6_UNICAST, L2VPN_EVPN } from '../../bgp/wire/family.ts';
import { decodeMessage } from '../../bgp/wire/message.ts';
import { checkHeader, encodeKeepalive } from '../../bgp/wire/message-header.ts';
import type { NlriRoute } from '../../bgp/wire/nlri-types.ts';
import { encodeOpen, twoOctetAs } from '../../bgp/wire/open.ts';
import { encodeUpdate, type UpdateContent } from '../../bgp/wire/update.ts';
import { formatAddress, type IpAddress, ipv4ToNumber, parseAddress } from '../../net/address.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import { parsePrefix } from '../../net/prefix.ts';
import { type FamilyWord, HOLD_TIME, type Neighbor } from './daemon.ts';

/** What one announced route became on its way through the daemon. */
export interface Arrival {
  readonly nextHop: string;
  readonly asPath: string;
  readonly communities: readonly string[];
  readonly extendedCommunities: readonly string[];
  readonly largeCommunities: number;
  readonly med: number | undefined;
}

const FAMILIES: Readonly<Record<FamilyWord, Family>> = {
  ipv4: IPV4_UNICAST,
  ipv6: IPV6_UNICAST,
  evpn: L2VPN_EVPN,
};

const CONTEXT: WireContext = {
  fourOctetAs: true,
  addPath: () => false,
  extendedMessage: false,
  extendedNextHop: false,
  peerType: 'ebgp',
};

const CONNECT_RETRY_MILLISECONDS = 100;

/** A BGP speaker that connects, announces what it is told to and notes what comes. */
export class CheckSpeaker {
  /** All routes that came, by their text; End-of-RIB is none. */
  readonly arrived = new Map<string, Arrival>();
  /** Resolves with the first KEEPALIVE. */
  readonly established: Promise<void>;
  /** Why the session ended. */
  failure: string | undefined;
  /** Called after each message that had routes. */
  onRoutes: () => void = () => {};
  readonly #neighbor: Neighbor;
  readonly #daemon: string;
  readonly #word: FamilyWord;
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #isEstablished: () => void = () => {};
  #closed = false;

  constructor(neighbor: Neighbor, daemon: string, word: FamilyWord) {
    this.#neighbor = neighbor;
    this.#daemon = daemon;
    this.#word = word;
    this.established = new Promise((resolve) => {
      this.#isEstablished = resolve;
    });
    this.#connect();
  }

  /** Until the daemon listens, and once more where it refuses a connection that came too early. */
  #connect(): void {
    const socket = connect({ host: this.#daemon, port: 179, localAddress: this.#neighbor.address });
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    socket.setNoDelay();
    socket.on('connect', () => this.#open());
    socket.on('data', (data) => this.#read(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (!this.#closed) setTimeout(() => this.#connect(), CONNECT_RETRY_MILLISECONDS);
    });
  }

  #open(): void {
    const { address, as } = this.#neighbor;
    const writer = new ByteWriter();
    encodeOpen(writer, {
      version: 4,
      myAs: twoOctetAs(as),
      asn: as,
      holdTime: HOLD_TIME,
      routerId: routerIdOf(address),
      capabilities: [
        { kind: 'multiprotocol', family: FAMILIES[this.#word] },
        { kind: 'route-refresh' },
        { kind: 'four-octet-as', asn: as },
      ],
    });
    this.#write(writer);
  }

  #write(writer: ByteWriter): void {
    this.#socket?.write(writer.take());
  }

  #read(data: Buffer): void {
    let rest = Buffer.concat([this.#received, data]);
    for (;;) {
      const size = checkHeader(rest, 0, rest.length, 4096);
      if (typeof size !== 'number') throw new TypeError(size.message);
      if (size === 0 || size > rest.length) break;
      this.#receive(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    this.#received = rest;
  }

  #receive(bytes: Buffer): void {
    const message = decodeMessage(bytes, 0, bytes.length, CONTEXT);
    if (message.type === 'open') {
      const writer = new ByteWriter();
      encodeKeepalive(writer);
      this.#write(writer);
    } else if (message.type === 'keepalive') {
      this.#isEstablished();
    } else if (message.type === 'notification') {
      const { code, subcode } = message.notification;
      this.failure = `NOTIFICATION ${code}/${subcode}`;
    } else if (message.type === 'error') {
      this.failure = message.error.message;
    } else if (message.type === 'update') {
      this.#note(message.update.attributes, message.update.announced);
    }
  }

  #note(
    attributes: PathAttributes,
    lists: readonly { nextHop?: { address: IpAddress }; routes: readonly NlriRoute[] }[],
  ): void {
    for (const { nextHop, routes } of lists) {
      const address = nextHop?.address ?? attributes.nextHop;
      const arrival = arrivalOf(attributes, address ? formatAddress(address) : 'none');
      for (const route of routes) this.arrived.set(routeKey(route), arrival);
    }
    if (lists.length > 0) this.onRoutes();
  }

  /** Announces routes in one UPDATE and gives their keys. */
  announce(numbers: readonly number[], path: readonly number[]): string[] {
    const family = FAMILIES[this.#word];
    const routes = numbers.map((number) => routeOf(this.#word, number));
    const nextHop = addressOf(this.#neighbor.address);
    const attributes: PathAttributes = {
      ...NO_ATTRIBUTES,
      origin: 0,
      asPath: [{ type: 2, asns: path }],
      communities: [65_001 * 65_536 + 1, 65_001 * 65_536 + 2],
      // Route target 65001:100, and the encapsulation VXLAN where it has a meaning.
      extendedCommunities: Uint8Array.of(
        ...[0, 2, 0xfd, 0xe9, 0, 0, 0, 100],
        ...(this.#word === 'evpn' ? [3, 0x0c, 0, 0, 0, 0, 0, 8] : []),
      ),
      largeCommunities: [{ globalAdministrator: 65_001, localData1: 1, localData2: 2 }],
      med: 50,
    };
    const content: UpdateContent =
      family === IPV4_UNICAST
        ? { attributes: { ...attributes, nextHop }, nlri: routes }
        : { attributes, mpReach: { family, nextHop: { address: nextHop }, routes } };
    const writer = new ByteWriter();
    encodeUpdate(writer, content, CONTEXT);
    this.#write(writer);
    return routes.map(routeKey);
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }
}

function arrivalOf(attributes: PathAttributes, nextHop: string): Arrival {
  const { asPath = [], communities, extendedCommunities, largeCommunities, med } = attributes;
  const extended: string[] = [];
  for (let at = 0; at < extendedCommunities.length; at += EXTENDED_COMMUNITY_SIZE) {
    extended.push(formatExtendedCommunity(extendedCommunities, at));
  }
  return {
    nextHop,
    asPath: asPath.flatMap(({ asns }) => asns).join(' '),
    communities: communities.map(formatCommunity),
    extendedCommunities: extended,
    largeCommunities: largeCommunities.length,
    med,
  };
}

function addressOf(text: string): IpAddress {
  const address = parseAddress(text);
  if (!address) throw new TypeError(`${text} is no address`);
  return address;
}

/** Of an IPv6 address, the last 32 bits with a first octet that makes them a router id. */
function routerIdOf(text: string): number {
  const address = addressOf(text);
  if (address.version === 4) return ipv4ToNumber(address);
  const [second = 0, third = 0, fourth = 0] = address.bytes.subarray(13);
  return ((10 << 24) | (second << 16) | (third << 8) | fourth) >>> 0;
}

function routeOf(word: FamilyWord, number: number): NlriRoute {
  const text = word === 'ipv6' ? `2001:db8:${number}::/48` : `172.20.${number}.0/24`;
  const prefix = parsePrefix(text);
  if (!prefix) throw new TypeError(`${text} is no prefix`);
  if (word !== 'evpn') return { kind: 'unicast', family: FAMILIES[word], prefix };
  return {
    kind: 'evpn',
    family: L2VPN_EVPN,
    routeType: 5,
    rd: Uint8Array.of(0, 0, 0xfd, 0xe9, 0, 0, 0, 1),
    esi: new Uint8Array(10),
    ethernetTag: 0,
    prefix,
    gateway: addressOf('0.0.0.0'),
    label: 100,
  };
}

/** The prefix, by which the routes of a check are told apart. */
function routeKey(route: NlriRoute): string {
  return 'prefix' in route ? `${formatAddress(route.prefix.address)}/${route.prefix.length}` : route.kind;
}
