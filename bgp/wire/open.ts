import { ByteWriter } from '../../net/byte-writer.ts';
import { type Capability, capabilityCode, decodeCapability, encodeCapabilityValue } from './capabilities.ts';
import {
  AS_TRANS,
  AS_ZERO,
  BGP_VERSION,
  HEADER_SIZE,
  MessageType,
  NotificationCode,
  OpenErrorSubcode,
} from './constants.ts';
import { beginMessage, endMessage } from './message-header.ts';
import { readU8, readU16, readU32 } from './octets.ts';
import { type Decoded, failed } from './protocol-error.ts';

/** An OPEN message (RFC 4271 §4.2). */
export interface OpenMessage {
  readonly version: number;
  /** The two-octet field My Autonomous System. */
  readonly myAs: number;
  /** The AS number: of the 4-octet capability (RFC 6793) where there is one, else {@link myAs}. */
  readonly asn: number;
  /** Seconds; 0: no keepalives. */
  readonly holdTime: number;
  /** BGP identifier as an unsigned 32-bit number. */
  readonly routerId: number;
  /** In wire order. */
  readonly capabilities: readonly Capability[];
}

const PARAMETER_CAPABILITIES = 2;
/** Opt Parm Type and Len of 255 announce two-octet lengths (RFC 9072 §2). */
const EXTENDED_PARAMETERS = 255;
/** Octets before the optional parameters. */
const FIXED_SIZE = HEADER_SIZE + 10;

/** What {@link decodeOpen} failed with. */
type Failure = Extract<Decoded<never>, { ok: false }>;

/** Decodes the whole OPEN message at `bytes[start..end)`, which has passed the header check. */
export function decodeOpen(bytes: Uint8Array, start: number, end: number): Decoded<OpenMessage> {
  const body = start + HEADER_SIZE;
  if (end - start < FIXED_SIZE) return unspecific(`OPEN of ${end - start} octets is too short`);
  const version = readU8(bytes, body);
  if (version !== BGP_VERSION) return unsupportedVersion(version);
  const myAs = readU16(bytes, body + 1);
  const holdTime = readU16(bytes, body + 3);
  const routerId = readU32(bytes, body + 5);
  const capabilities: Capability[] = [];
  const failure = decodeParameters(bytes, start + FIXED_SIZE - 1, end, capabilities);
  if (failure) return failure;
  const asn = fourOctetAs(capabilities) ?? myAs;
  if (asn === AS_ZERO || myAs === AS_ZERO) {
    return openError(OpenErrorSubcode.BAD_PEER_AS, 'AS number 0 is not allowed (RFC 7607)');
  }
  if (holdTime === 1 || holdTime === 2) {
    return openError(OpenErrorSubcode.UNACCEPTABLE_HOLD_TIME, `hold time of ${holdTime} s is not allowed`);
  }
  if (routerId === 0) return openError(OpenErrorSubcode.BAD_BGP_IDENTIFIER, 'BGP identifier is 0.0.0.0');
  return { ok: true, value: { version, myAs, asn, holdTime, routerId, capabilities } };
}

function fourOctetAs(capabilities: readonly Capability[]): number | undefined {
  for (const capability of capabilities) if (capability.kind === 'four-octet-as') return capability.asn;
  return undefined;
}

/** The parameters whose length octet is at `lengthAt`; adds to `capabilities`. */
function decodeParameters(
  bytes: Uint8Array,
  lengthAt: number,
  end: number,
  capabilities: Capability[],
): Failure | undefined {
  let at = lengthAt + 1;
  let length = readU8(bytes, lengthAt);
  const extended = length !== 0 && at < end && readU8(bytes, at) === EXTENDED_PARAMETERS;
  if (extended) {
    if (at + 3 > end) return unspecific('extended optional parameters length is cut off');
    length = readU16(bytes, at + 1);
    at += 3;
  }
  if (at + length !== end) {
    return unspecific(`optional parameters have ${length} octets but ${end - at} are left`);
  }
  const headSize = extended ? 3 : 2;
  while (at < end) {
    if (at + headSize > end) return unspecific('an optional parameter is cut off');
    const type = readU8(bytes, at);
    const valueEnd = at + headSize + (extended ? readU16(bytes, at + 1) : readU8(bytes, at + 1));
    if (valueEnd > end) return unspecific(`optional parameter ${type} is longer than the message`);
    if (type !== PARAMETER_CAPABILITIES) {
      return openError(
        OpenErrorSubcode.UNSUPPORTED_OPTIONAL_PARAMETER,
        `optional parameter ${type} is not supported`,
      );
    }
    const failure = decodeCapabilities(bytes, at + headSize, valueEnd, capabilities);
    if (failure) return failure;
    at = valueEnd;
  }
  return undefined;
}

function decodeCapabilities(
  bytes: Uint8Array,
  at: number,
  end: number,
  capabilities: Capability[],
): Failure | undefined {
  while (at < end) {
    if (at + 2 > end) return unspecific('a capability is cut off');
    const code = readU8(bytes, at);
    const valueEnd = at + 2 + readU8(bytes, at + 1);
    if (valueEnd > end) return unspecific(`capability ${code} is longer than its parameter`);
    const capability = decodeCapability(code, bytes, at + 2, valueEnd);
    if (!capability) return unspecific(`capability ${code} has a wrong length of ${valueEnd - at - 2}`);
    capabilities.push(capability);
    at = valueEnd;
  }
  return undefined;
}

function unsupportedVersion(version: number): Failure {
  // RFC 4271 §6.2: the Data field has the largest supported version.
  return openError(
    OpenErrorSubcode.UNSUPPORTED_VERSION_NUMBER,
    `BGP version ${version} is not supported`,
    Uint8Array.of(0, BGP_VERSION),
  );
}

function unspecific(message: string): Failure {
  return openError(OpenErrorSubcode.UNSPECIFIC, message);
}

function openError(subcode: number, message: string, data?: Uint8Array): Failure {
  return failed(NotificationCode.OPEN_MESSAGE_ERROR, subcode, message, data);
}

/** The number for the two-octet AS field: `asn`, or AS_TRANS where it does not fit (RFC 6793 §4.2.2). */
export function twoOctetAs(asn: number): number {
  return asn > 0xffff ? AS_TRANS : asn;
}

/**
 * Writes an OPEN message with all capabilities in one optional parameter, in the extended form of
 * RFC 9072 when they have more than 253 octets. `open.asn` is not written: the capabilities say it.
 */
export function encodeOpen(writer: ByteWriter, open: OpenMessage): void {
  const capabilities = new ByteWriter(256);
  for (const capability of open.capabilities) {
    const at = capabilities.u8(capabilityCode(capability)).length;
    encodeCapabilityValue(capabilities.u8(0), capability);
    capabilities.patchU8(at, capabilities.length - at - 1);
  }
  const message = beginMessage(writer, MessageType.OPEN);
  writer.u8(open.version).u16(open.myAs).u16(open.holdTime).u32(open.routerId);
  const size = capabilities.length;
  if (size > 253) {
    writer
      .u8(EXTENDED_PARAMETERS)
      .u8(EXTENDED_PARAMETERS)
      .u16(size + 3);
    writer.u8(PARAMETER_CAPABILITIES).u16(size);
  } else if (size > 0) {
    writer
      .u8(size + 2)
      .u8(PARAMETER_CAPABILITIES)
      .u8(size);
  } else {
    writer.u8(0);
  }
  writer.raw(capabilities.bytes());
  endMessage(writer, message);
}
