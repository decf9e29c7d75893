/** Session states by their numbers on the wire (RFC 5880 §4.1). */
export const BfdState = { adminDown: 0, down: 1, init: 2, up: 3 } as const;
export type BfdState = (typeof BfdState)[keyof typeof BfdState];

/** Diagnostic codes that this router sends (RFC 5880 §4.1); others are passed on as numbers. */
export const BfdDiagnostic = {
  none: 0,
  detectionTimeExpired: 1,
  neighborSignaledDown: 3,
  administrativelyDown: 7,
} as const;

const DIAGNOSTICS: readonly string[] = [
  'no diagnostic',
  'control detection time expired',
  'echo function failed',
  'neighbor signaled session down',
  'forwarding plane reset',
  'path down',
  'concatenated path down',
  'administratively down',
  'reverse concatenated path down',
];

/** A diagnostic code in words. */
export function diagnosticText(diagnostic: number): string {
  return DIAGNOSTICS[diagnostic] ?? `diagnostic ${diagnostic}`;
}

/** A BFD control packet without authentication (RFC 5880 §4.1). Intervals are microseconds. */
export interface ControlPacket {
  /** 0 to 31. */
  readonly diagnostic: number;
  readonly state: BfdState;
  readonly poll: boolean;
  readonly final: boolean;
  readonly controlPlaneIndependent: boolean;
  readonly demand: boolean;
  /** 1 to 255. */
  readonly detectMultiplier: number;
  /** Never 0. */
  readonly myDiscriminator: number;
  /** 0 until that of the other end is known. */
  readonly yourDiscriminator: number;
  readonly desiredMinTx: number;
  readonly requiredMinRx: number;
  readonly requiredMinEchoRx: number;
}

/** What decoding gives: a packet, or why it is to be discarded. */
export type DecodedControlPacket =
  | { readonly ok: true; readonly packet: ControlPacket }
  | { readonly ok: false; readonly reason: string };

/** Octets of a control packet without authentication section. */
export const CONTROL_PACKET_SIZE = 24;

const VERSION = 1;

// Bits of the second octet, below the state.
const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTHENTICATION = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** Decodes the payload of a UDP datagram: the checks of RFC 5880 §6.8.6 that need no session. */
export function decodeControlPacket(bytes: Uint8Array): DecodedControlPacket {
  if (bytes.length < CONTROL_PACKET_SIZE) return discarded(`${bytes.length} octets are too few`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint8(0);
  const second = view.getUint8(1);
  const length = view.getUint8(3);
  if (first >> 5 !== VERSION) return discarded(`version ${first >> 5}`);
  if (length < CONTROL_PACKET_SIZE || length > bytes.length) {
    return discarded(`length ${length} in ${bytes.length} octets`);
  }
  // No session here has authentication: a packet that does cannot be verified.
  if (second & AUTHENTICATION) return discarded('authentication is not in use');
  if (second & MULTIPOINT) return discarded('the multipoint bit is set');
  const detectMultiplier = view.getUint8(2);
  if (detectMultiplier === 0) return discarded('detect multiplier 0');
  const myDiscriminator = view.getUint32(4);
  if (myDiscriminator === 0) return discarded('discriminator 0');
  const yourDiscriminator = view.getUint32(8);
  const state = (second >> 6) as BfdState;
  if (yourDiscriminator === 0 && state !== BfdState.down && state !== BfdState.adminDown) {
    return discarded('no discriminator of ours in a session that is not down');
  }
  const packet: ControlPacket = {
    diagnostic: first & 0x1f,
    state,
    poll: (second & POLL) !== 0,
    final: (second & FINAL) !== 0,
    controlPlaneIndependent: (second & CONTROL_PLANE_INDEPENDENT) !== 0,
    demand: (second & DEMAND) !== 0,
    detectMultiplier,
    myDiscriminator,
    yourDiscriminator,
    desiredMinTx: view.getUint32(12),
    requiredMinRx: view.getUint32(16),
    requiredMinEchoRx: view.getUint32(20),
  };
  return { ok: true, packet };
}

function discarded(reason: string): DecodedControlPacket {
  return { ok: false, reason };
}

/** Encodes a packet of {@link CONTROL_PACKET_SIZE} octets. */
export function encodeControlPacket(packet: ControlPacket): Uint8Array {
  const bytes = new Uint8Array(CONTROL_PACKET_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, (VERSION << 5) | packet.diagnostic);
  view.setUint8(
    1,
    (packet.state << 6) |
      (packet.poll ? POLL : 0) |
      (packet.final ? FINAL : 0) |
      (packet.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
      (packet.demand ? DEMAND : 0),
  );
  view.setUint8(2, packet.detectMultiplier);
  view.setUint8(3, CONTROL_PACKET_SIZE);
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTx);
  view.setUint32(16, packet.requiredMinRx);
  view.setUint32(20, packet.requiredMinEchoRx);
  return bytes;
}
