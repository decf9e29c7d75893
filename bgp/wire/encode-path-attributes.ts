// Hot: runs once per distinct attribute set and update group. The scratch buffer is reused.
import { ByteWriter } from '../../net/byte-writer.ts';
import { encodeAigp } from './aigp.ts';
import { encodeAsPath, needsAs4Path, withoutConfederation } from './as-path.ts';
import { attributeRule } from './attribute-rules.ts';
import type { PathAttributes, RawAttribute } from './attribute-types.ts';
import { encodeLargeCommunities, encodeNumbers } from './communities.ts';
import { AttributeCode, AttributeFlag } from './constants.ts';
import type { WireContext } from './context.ts';
import { twoOctetAs } from './open.ts';
import { encodePmsiTunnel } from './pmsi.ts';

/** What the encoder has to know of the session. */
export type EncodeContext = Pick<WireContext, 'fourOctetAs'>;

type WriteValue = (writer: ByteWriter, attributes: PathAttributes, context: EncodeContext) => void;

/** How one attribute is written, and when. */
interface AttributeEncoder {
  readonly code: number;
  readonly present: (attributes: PathAttributes, context: EncodeContext) => boolean;
  readonly write: WriteValue;
}

/** In the order of their type codes, which is the order on the wire. */
const ENCODERS: readonly AttributeEncoder[] = [
  {
    code: AttributeCode.ORIGIN,
    present: ({ origin }) => origin !== undefined,
    write: (writer, { origin }) => writer.u8(origin ?? 0),
  },
  {
    code: AttributeCode.AS_PATH,
    present: ({ asPath }) => asPath !== undefined,
    write: (writer, { asPath }, context) => encodeAsPath(writer, asPath ?? [], context.fourOctetAs ? 4 : 2),
  },
  {
    code: AttributeCode.NEXT_HOP,
    present: ({ nextHop }) => nextHop !== undefined,
    write: (writer, { nextHop }) => nextHop && writer.address(nextHop),
  },
  {
    code: AttributeCode.MULTI_EXIT_DISC,
    present: ({ med }) => med !== undefined,
    write: (writer, { med }) => writer.u32(med ?? 0),
  },
  {
    code: AttributeCode.LOCAL_PREF,
    present: ({ localPref }) => localPref !== undefined,
    write: (writer, { localPref }) => writer.u32(localPref ?? 0),
  },
  {
    code: AttributeCode.ATOMIC_AGGREGATE,
    present: ({ atomicAggregate }) => atomicAggregate,
    write: () => undefined,
  },
  {
    code: AttributeCode.AGGREGATOR,
    present: ({ aggregator }) => aggregator !== undefined,
    write: (writer, { aggregator }, { fourOctetAs }) => {
      const asn = aggregator?.asn ?? 0;
      if (fourOctetAs) writer.u32(asn);
      else writer.u16(twoOctetAs(asn));
      writer.u32(aggregator?.routerId ?? 0);
    },
  },
  {
    code: AttributeCode.COMMUNITIES,
    present: ({ communities }) => communities.length > 0,
    write: (writer, { communities }) => encodeNumbers(writer, communities),
  },
  {
    code: AttributeCode.ORIGINATOR_ID,
    present: ({ originatorId }) => originatorId !== undefined,
    write: (writer, { originatorId }) => writer.u32(originatorId ?? 0),
  },
  {
    code: AttributeCode.CLUSTER_LIST,
    present: ({ clusterList }) => clusterList.length > 0,
    write: (writer, { clusterList }) => encodeNumbers(writer, clusterList),
  },
  {
    code: AttributeCode.EXTENDED_COMMUNITIES,
    present: ({ extendedCommunities }) => extendedCommunities.length > 0,
    write: (writer, { extendedCommunities }) => writer.raw(extendedCommunities),
  },
  {
    code: AttributeCode.AS4_PATH,
    present: ({ asPath }, { fourOctetAs }) =>
      !fourOctetAs && asPath !== undefined && needsAs4Path(withoutConfederation(asPath)),
    write: (writer, { asPath }) => encodeAsPath(writer, withoutConfederation(asPath ?? []), 4),
  },
  {
    code: AttributeCode.AS4_AGGREGATOR,
    present: ({ aggregator }, { fourOctetAs }) => !fourOctetAs && (aggregator?.asn ?? 0) > 0xffff,
    write: (writer, { aggregator }) => writer.u32(aggregator?.asn ?? 0).u32(aggregator?.routerId ?? 0),
  },
  {
    code: AttributeCode.PMSI_TUNNEL,
    present: ({ pmsi }) => pmsi !== undefined,
    write: (writer, { pmsi }) => pmsi && encodePmsiTunnel(writer, pmsi),
  },
  {
    code: AttributeCode.IPV6_EXTENDED_COMMUNITIES,
    present: ({ ipv6ExtendedCommunities }) => ipv6ExtendedCommunities.length > 0,
    write: (writer, { ipv6ExtendedCommunities }) => writer.raw(ipv6ExtendedCommunities),
  },
  {
    code: AttributeCode.AIGP,
    present: ({ aigp }) => aigp !== undefined,
    write: (writer, { aigp }) => encodeAigp(writer, aigp ?? 0n),
  },
  {
    code: AttributeCode.LARGE_COMMUNITIES,
    present: ({ largeCommunities }) => largeCommunities.length > 0,
    write: (writer, { largeCommunities }) => encodeLargeCommunities(writer, largeCommunities),
  },
];

const scratch = new ByteWriter(512);

/**
 * Writes the attributes in the order of their type codes. On a 2-octet session, numbers that do not
 * fit become AS_TRANS and AS4_PATH and AS4_AGGREGATOR go with them (RFC 6793 §4.2.2). Which
 * attributes a peer may see at all is the caller's decision.
 */
export function encodePathAttributes(
  writer: ByteWriter,
  attributes: PathAttributes,
  context: EncodeContext,
): void {
  const unknown = inCodeOrder(attributes.unknown);
  let next = 0;
  for (const encoder of ENCODERS) {
    for (let raw = unknown[next]; raw && raw.code < encoder.code; raw = unknown[++next]) {
      writeAttribute(writer, raw.flags, raw.code, raw.value);
    }
    if (!encoder.present(attributes, context)) continue;
    encoder.write(scratch.reset(), attributes, context);
    writeAttribute(writer, attributeRule(encoder.code)?.flags ?? 0, encoder.code, scratch.bytes());
  }
  for (let raw = unknown[next]; raw; raw = unknown[++next]) {
    writeAttribute(writer, raw.flags, raw.code, raw.value);
  }
}

function inCodeOrder(attributes: readonly RawAttribute[]): readonly RawAttribute[] {
  return attributes.length < 2 ? attributes : attributes.toSorted((a, b) => a.code - b.code);
}

/** Writes one attribute, with a two-octet length where it needs one. */
export function writeAttribute(writer: ByteWriter, flags: number, code: number, value: Uint8Array): void {
  if (value.length > 255)
    writer
      .u8(flags | AttributeFlag.EXTENDED_LENGTH)
      .u8(code)
      .u16(value.length);
  else
    writer
      .u8(flags & ~AttributeFlag.EXTENDED_LENGTH)
      .u8(code)
      .u8(value.length);
  writer.raw(value);
}
