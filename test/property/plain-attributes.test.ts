import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_ATTRIBUTES, type PathAttributes } from '../../bgp/wire/attribute-types.ts';
import { AttributeCode } from '../../bgp/wire/constants.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { decodePathAttributes, encodePathAttributes } from '../../bgp/wire/path-attributes.ts';
import { hasPlainAttributes } from '../../bgp/wire/plain-attributes.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import { asPathOf, octets, pathAttributes } from './wire-arbitraries.ts';

const edits = fc.array(fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }), {
  maxLength: 3,
});

function contextOf(internal: boolean): WireContext {
  return {
    fourOctetAs: true,
    addPath: () => false,
    extendedMessage: true,
    extendedNextHop: false,
    peerType: internal ? 'ibgp' : 'ebgp',
  };
}

function encoded(attributes: PathAttributes, context: WireContext): Uint8Array {
  const writer = new ByteWriter();
  encodePathAttributes(writer, attributes, context);
  return writer.take();
}

const { MP_REACH_NLRI, MP_UNREACH_NLRI } = AttributeCode;

function outcome(bytes: Uint8Array, internal: boolean, hasIpv4Nlri: boolean): string {
  const routes = { hasIpv4Nlri, hasMpReach: !hasIpv4Nlri };
  const { errors, worst } = decodePathAttributes(bytes, 0, bytes.length, contextOf(internal), routes);
  // What is in the MP attributes is not looked at.
  return errors.every(({ attribute }) => attribute === MP_REACH_NLRI || attribute === MP_UNREACH_NLRI)
    ? 'ok'
    : worst;
}

describe('plain attributes', () => {
  it('are never such that the decoder has something to say of them', () => {
    let plain = 0;
    let broken = 0;
    fc.assert(
      fc.property(
        pathAttributes,
        edits,
        fc.boolean(),
        fc.boolean(),
        fc.nat(3),
        (attributes, changes, internal, hasIpv4Nlri, cut) => {
          const usual = { ...attributes, pmsi: undefined, aigp: undefined, unknown: [] };
          const whole = encoded({ ...usual, ipv6ExtendedCommunities: new Uint8Array() }, contextOf(internal));
          const bytes = whole.subarray(0, Math.max(0, whole.length - Math.max(0, cut - 2)));
          for (const { at, value } of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          const worst = outcome(bytes, internal, hasIpv4Nlri);
          if (worst !== 'ok') broken++;
          if (!hasPlainAttributes(bytes, 0, bytes.length, internal, hasIpv4Nlri)) return;
          plain++;
          expect(worst).toBe('ok');
        },
      ),
      { numRuns: 4000 },
    );
    expect(plain).toBeGreaterThan(100);
    expect(broken).toBeGreaterThan(1000);
  });

  it('are all those of the usual kinds that the decoder finds nothing wrong with', () => {
    const usual = fc.record({
      origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
      asPath: asPathOf([1, 2]),
      med: fc.option(fc.nat(), { nil: undefined }),
      communities: fc.array(fc.nat(), { maxLength: 80 }),
      extendedCommunities: fc.integer({ min: 0, max: 40 }).chain((count) => octets(count * 8)),
      nextHop: fc.constant({ version: 4 as const, bytes: Uint8Array.of(192, 0, 2, 1) }),
      localPref: fc.option(fc.nat(), { nil: undefined }),
      atomicAggregate: fc.boolean(),
    });
    fc.assert(
      fc.property(usual, fc.boolean(), (attributes, internal) => {
        const localPref = internal ? attributes.localPref : undefined;
        const all = { ...NO_ATTRIBUTES, ...attributes, localPref };
        const bytes = encoded(all, contextOf(internal));
        expect(outcome(bytes, internal, true)).toBe('ok');
        expect(hasPlainAttributes(bytes, 0, bytes.length, internal, true)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
