import { type DaemonPlan, type FamilyWord, FIRST_VNI, type Neighbor } from '../daemons/daemon.ts';
import type { RoundPlace } from './scenario.ts';

/** A speaker of the load generator: a neighbor of the daemon, and the daemon's address that it connects to. */
export interface SpeakerPlan extends Neighbor {
  readonly daemonAddress: string;
  /** BGP identifier. */
  readonly routerId: string;
}

/** Who takes part in a scenario. */
export interface Layout {
  readonly speakers: readonly SpeakerPlan[];
  /** VNIs with a VRF and a host peer each; their host peers are the last of the speakers. */
  readonly vnis: number;
  /** The most bytes that each speaker may be sent; memory is taken only as they come. */
  readonly capacity: number;
  /** See {@link DaemonPlan.unwatched}. */
  readonly unwatched?: boolean;
}

/** AS number of the daemon; speaker n has the AS {@link FIRST_SPEAKER_AS} + n. */
export const DAEMON_AS = 65_000;
const FIRST_SPEAKER_AS = 64_512;
/** From here on, speakers have AS numbers of four octets. */
const FIRST_LARGE_SPEAKER_AS = 4_200_000_000;
const SMALL_SPEAKERS = 400;

/** Addresses on the link between the daemon and the load generator. */
const DAEMON_IPV4 = '10.98.0.1';
const DAEMON_IPV6 = 'fd98::1';

const MEGABYTE = 1024 * 1024;
const CAPACITY = 192 * MEGABYTE;

/** `count` speakers of one family in one network with the daemon. */
export function peersLayout(count: number, family: FamilyWord, capacity = CAPACITY): Layout {
  const speakers = Array.from({ length: count }, (_, index) => fabricSpeaker(index, family));
  return { speakers, vnis: 0, capacity };
}

/** One speaker of EVPN, and behind the daemon a host peer in each of the VRFs. */
export function vrfLayout(vnis: number, capacity: number): Layout {
  const hosts = Array.from({ length: vnis }, (_, index) => hostSpeaker(index));
  return { speakers: [fabricSpeaker(0, 'evpn'), ...hosts], vnis, capacity };
}

function fabricSpeaker(index: number, family: FamilyWord): SpeakerPlan {
  const ipv6 = family === 'ipv6';
  const ipv4 = `10.98.${1 + (index >> 7)}.${1 + (index & 127)}`;
  return {
    address: ipv6 ? `fd98::1:${index.toString(16)}` : ipv4,
    as: (index < SMALL_SPEAKERS ? FIRST_SPEAKER_AS : FIRST_LARGE_SPEAKER_AS) + index,
    families: [family],
    daemonAddress: ipv6 ? DAEMON_IPV6 : DAEMON_IPV4,
    routerId: ipv4,
  };
}

/** Network of the host session of VRF `index`, without its last number: the router is 1 in it, the host 2. */
function hostNetwork(index: number): string {
  return `172.${20 + (index >> 8)}.${index & 255}`;
}

function hostSpeaker(index: number): SpeakerPlan {
  const network = hostNetwork(index);
  const as = FIRST_LARGE_SPEAKER_AS + index;
  const [address, daemonAddress] = [`${network}.2`, `${network}.1`];
  return { address, as, families: ['ipv4'], daemonAddress, routerId: address };
}

/** What the daemon of a round is to be. */
export function daemonPlan({ speakers, vnis, unwatched = false }: Layout, place: RoundPlace): DaemonPlan {
  const hosts = speakers.slice(speakers.length - vnis);
  return {
    namespace: place.daemonNamespace,
    directory: place.directory,
    as: DAEMON_AS,
    ipv4: DAEMON_IPV4,
    ipv6: DAEMON_IPV6,
    unwatched,
    neighbors: speakers.slice(0, speakers.length - vnis),
    vnis: hosts.map(({ as }, index) => ({
      vni: FIRST_VNI + index,
      hostAs: as,
      network: `${hostNetwork(index)}.0/24`,
    })),
  };
}

/** Addresses with their prefix lengths that the two ends of the link need. */
export function linkAddresses({ speakers, vnis }: Layout): {
  readonly daemon: readonly string[];
  readonly load: readonly string[];
} {
  const inNetwork = (address: string): string => {
    if (address.includes(':')) return `${address}/64`;
    return address.startsWith('10.') ? `${address}/16` : `${address}/24`;
  };
  const own = [
    DAEMON_IPV4,
    DAEMON_IPV6,
    ...speakers.slice(speakers.length - vnis).map((one) => one.daemonAddress),
  ];
  return { daemon: own.map(inNetwork), load: speakers.map(({ address }) => inNetwork(address)) };
}
