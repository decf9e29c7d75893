import type { ErrorClass } from './attribute-errors.ts';
import { AttributeCode, AttributeFlag, UpdateErrorSubcode } from './constants.ts';

/** What is known of an attribute before its value is looked at. */
export interface AttributeRule {
  readonly name: string;
  /** The OPTIONAL and TRANSITIVE bits that it must have. */
  readonly flags: number;
  /** True for the lengths in octets that its value may have. */
  readonly fits: (length: number) => boolean;
  /** What is done when its length or value is malformed (RFC 7606 §7 and the attribute's own RFC). */
  readonly malformed: ErrorClass;
  /** What is done when its flags are wrong: RFC 7606 §3 c, unless its own RFC knows better. */
  readonly wrongFlags: ErrorClass;
  /** Subcode for a value of the right length that means nothing. */
  readonly valueSubcode: number;
  /** Discarded when it comes from an external peer. */
  readonly internalOnly: boolean;
}

const WELL_KNOWN = AttributeFlag.TRANSITIVE;
const OPTIONAL_TRANSITIVE = AttributeFlag.OPTIONAL | AttributeFlag.TRANSITIVE;
const OPTIONAL_NON_TRANSITIVE = AttributeFlag.OPTIONAL;

const exactly = (size: number) => (length: number) => length === size;
const multipleOf = (size: number) => (length: number) => length > 0 && length % size === 0;
const atLeast = (size: number) => (length: number) => length >= size;

function rule(
  name: string,
  flags: number,
  fits: (length: number) => boolean,
  malformed: ErrorClass,
  valueSubcode: number = UpdateErrorSubcode.OPTIONAL_ATTRIBUTE_ERROR,
  internalOnly = false,
): AttributeRule {
  return { name, flags, fits, malformed, wrongFlags: 'treat-as-withdraw', valueSubcode, internalOnly };
}

const {
  ATTRIBUTE_LENGTH_ERROR,
  INVALID_NEXT_HOP_ATTRIBUTE,
  INVALID_ORIGIN_ATTRIBUTE,
  MALFORMED_AS_PATH,
  OPTIONAL_ATTRIBUTE_ERROR,
} = UpdateErrorSubcode;

/** Number of the attribute that replaces AS_PATH between BGPsec speakers (RFC 8205 §3). */
export const BGPSEC_PATH = 33;

const RULES: readonly (readonly [code: number, rule: AttributeRule])[] = [
  [
    AttributeCode.ORIGIN,
    rule('ORIGIN', WELL_KNOWN, exactly(1), 'treat-as-withdraw', INVALID_ORIGIN_ATTRIBUTE),
  ],
  [AttributeCode.AS_PATH, rule('AS_PATH', WELL_KNOWN, atLeast(0), 'treat-as-withdraw', MALFORMED_AS_PATH)],
  [
    AttributeCode.NEXT_HOP,
    rule('NEXT_HOP', WELL_KNOWN, exactly(4), 'treat-as-withdraw', INVALID_NEXT_HOP_ATTRIBUTE),
  ],
  [
    AttributeCode.MULTI_EXIT_DISC,
    rule('MULTI_EXIT_DISC', OPTIONAL_NON_TRANSITIVE, exactly(4), 'treat-as-withdraw'),
  ],
  [
    AttributeCode.LOCAL_PREF,
    rule('LOCAL_PREF', WELL_KNOWN, exactly(4), 'treat-as-withdraw', ATTRIBUTE_LENGTH_ERROR, true),
  ],
  [AttributeCode.ATOMIC_AGGREGATE, rule('ATOMIC_AGGREGATE', WELL_KNOWN, exactly(0), 'attribute-discard')],
  // Six or eight octets, as the session has it (RFC 7606 §7.7): its decoder knows.
  [
    AttributeCode.AGGREGATOR,
    rule('AGGREGATOR', OPTIONAL_TRANSITIVE, atLeast(0), 'attribute-discard', ATTRIBUTE_LENGTH_ERROR),
  ],
  [AttributeCode.COMMUNITIES, rule('COMMUNITIES', OPTIONAL_TRANSITIVE, multipleOf(4), 'treat-as-withdraw')],
  [
    AttributeCode.ORIGINATOR_ID,
    rule(
      'ORIGINATOR_ID',
      OPTIONAL_NON_TRANSITIVE,
      exactly(4),
      'treat-as-withdraw',
      OPTIONAL_ATTRIBUTE_ERROR,
      true,
    ),
  ],
  [
    AttributeCode.CLUSTER_LIST,
    rule(
      'CLUSTER_LIST',
      OPTIONAL_NON_TRANSITIVE,
      multipleOf(4),
      'treat-as-withdraw',
      OPTIONAL_ATTRIBUTE_ERROR,
      true,
    ),
  ],
  // The MP attributes have their own decoder and error classes; only their flags are looked up here.
  [
    AttributeCode.MP_REACH_NLRI,
    rule('MP_REACH_NLRI', OPTIONAL_NON_TRANSITIVE, atLeast(0), 'treat-as-withdraw'),
  ],
  [
    AttributeCode.MP_UNREACH_NLRI,
    rule('MP_UNREACH_NLRI', OPTIONAL_NON_TRANSITIVE, atLeast(0), 'treat-as-withdraw'),
  ],
  [
    AttributeCode.EXTENDED_COMMUNITIES,
    rule('EXTENDED_COMMUNITIES', OPTIONAL_TRANSITIVE, multipleOf(8), 'treat-as-withdraw'),
  ],
  // RFC 6793 §6.
  [
    AttributeCode.AS4_PATH,
    rule('AS4_PATH', OPTIONAL_TRANSITIVE, (length) => length >= 6 && length % 2 === 0, 'attribute-discard'),
  ],
  [
    AttributeCode.AS4_AGGREGATOR,
    rule('AS4_AGGREGATOR', OPTIONAL_TRANSITIVE, exactly(8), 'attribute-discard'),
  ],
  // RFC 6514 §5.
  [AttributeCode.PMSI_TUNNEL, rule('PMSI_TUNNEL', OPTIONAL_TRANSITIVE, atLeast(5), 'treat-as-withdraw')],
  // RFC 9012 §13.
  [
    AttributeCode.TUNNEL_ENCAPSULATION,
    rule('TUNNEL_ENCAPSULATION', OPTIONAL_TRANSITIVE, atLeast(0), 'treat-as-withdraw'),
  ],
  [
    AttributeCode.IPV6_EXTENDED_COMMUNITIES,
    rule('IPV6_EXTENDED_COMMUNITIES', OPTIONAL_TRANSITIVE, multipleOf(20), 'treat-as-withdraw'),
  ],
  // RFC 7311 §3.2 and §3.3.
  [
    AttributeCode.AIGP,
    {
      ...rule('AIGP', OPTIONAL_NON_TRANSITIVE, atLeast(3), 'attribute-discard'),
      wrongFlags: 'attribute-discard',
    },
  ],
  // RFC 8092 §6.
  [
    AttributeCode.LARGE_COMMUNITIES,
    rule('LARGE_COMMUNITIES', OPTIONAL_TRANSITIVE, multipleOf(12), 'treat-as-withdraw'),
  ],
  // RFC 9234 §5.
  [
    AttributeCode.ONLY_TO_CUSTOMER,
    rule('ONLY_TO_CUSTOMER', OPTIONAL_TRANSITIVE, exactly(4), 'treat-as-withdraw'),
  ],
];

const BY_CODE: readonly (AttributeRule | undefined)[] = Array.from(
  { length: 256 },
  (_, code) => RULES.find(([ruled]) => ruled === code)?.[1],
);

/** The rule of an attribute that this codec recognizes; undefined for all others. */
export function attributeRule(code: number): AttributeRule | undefined {
  return BY_CODE[code];
}

/** `AS_PATH` and the like; `attribute N` for one without a name here. */
export function attributeName(code: number): string {
  return BY_CODE[code]?.name ?? `attribute ${code}`;
}
