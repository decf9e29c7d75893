import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asPathLength, mergeAs4Path, withoutConfederation } from '../../bgp/wire/as-path.ts';
import type { PathAttributes } from '../../bgp/wire/attribute-types.ts';
import type { WireContext } from '../../bgp/wire/context.ts';
import { IPV4_UNICAST } from '../../bgp/wire/family.ts';
import { decodeMessage, type Message } from '../../bgp/wire/message.ts';
import { encodeKeepalive } from '../../bgp/wire/message-header.ts';
import { decodeNlri, encodeNlri } from '../../bgp/wire/nlri.ts';
import {
  encodeNotification,
  encodeShutdownCommunication,
  notificationText,
} from '../../bgp/wire/notification.ts';
import { encodeOpen } from '../../bgp/wire/open.ts';
import { decodePathAttributes, encodePathAttributes } from '../../bgp/wire/path-attributes.ts';
import { encodeRouteRefresh } from '../../bgp/wire/route-refresh.ts';
import { encodeEndOfRib, encodeUpdate } from '../../bgp/wire/update.ts';
import { ByteWriter } from '../../net/byte-writer.ts';
import { asPath, carriedFamily, nextHopOf, open, pathAttributes, routeOf, u32 } from './wire-arbitraries.ts';

function contextWith(fourOctetAs: boolean, addPath: boolean): WireContext {
  return {
    fourOctetAs,
    addPath: () => addPath,
    extendedMessage: true,
    extendedNextHop: true,
    peerType: 'ibgp',
  };
}

const CONTEXT = contextWith(true, false);

function decoded(write: (writer: ByteWriter) => void, context = CONTEXT): Message {
  const writer = new ByteWriter(64);
  write(writer);
  const bytes = writer.take();
  return decodeMessage(bytes, 0, bytes.length, context);
}

describe('decode(encode(x)) = x', () => {
  it('for OPEN with any capabilities', () => {
    fc.assert(
      fc.property(open, (message) => {
        expect(decoded((writer) => encodeOpen(writer, message))).toEqual({ type: 'open', open: message });
      }),
    );
  });

  it('for NOTIFICATION', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const any = fc.record({ code: octet, subcode: octet, data: fc.uint8Array({ maxLength: 300 }) });
    fc.assert(
      fc.property(any, (notification) => {
        const message = decoded((writer) => encodeNotification(writer, notification));
        expect(message).toEqual({ type: 'notification', notification });
        expect(notificationText(notification.code, notification.subcode, notification.data)).not.toBe('');
      }),
    );
  });

  it('for the text of a shutdown', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii', maxLength: 255 }), (text) => {
        const words = notificationText(6, 2, encodeShutdownCommunication(text));
        expect(words).toBe(`Cease/Administrative Shutdown${text === '' ? '' : `: ${text}`}`);
      }),
    );
  });

  it('for ROUTE-REFRESH', () => {
    const any = fc.record({
      family: fc.integer({ min: 0, max: 0xffffff }),
      subtype: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(any, (routeRefresh) => {
        const message = decoded((writer) => encodeRouteRefresh(writer, routeRefresh));
        expect(message).toEqual({ type: 'route-refresh', routeRefresh });
      }),
    );
  });

  it('for KEEPALIVE', () => {
    expect(decoded(encodeKeepalive)).toEqual({ type: 'keepalive' });
  });

  it('for the End-of-RIB of any family', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffff }), (family) => {
        const message = decoded((writer) => encodeEndOfRib(writer, family));
        expect(message).toMatchObject({ type: 'update', update: { endOfRib: family, outcome: 'ok' } });
      }),
    );
  });

  it('for routes of every family, announced and withdrawn, with and without path identifiers', () => {
    const routes = fc
      .tuple(carriedFamily, fc.constantFrom('announced' as const, 'withdrawn' as const))
      .chain(([family, kind]) =>
        fc.record({
          family: fc.constant(family),
          kind: fc.constant(kind),
          addPath: fc.boolean(),
          list: fc.array(fc.tuple(routeOf(family, kind), u32), { maxLength: 10 }),
        }),
      );
    fc.assert(
      fc.property(routes, ({ family, kind, addPath, list }) => {
        const sent = list.map(([route, pathId]) => (addPath ? { ...route, pathId } : route));
        const writer = new ByteWriter(64);
        for (const route of sent) encodeNlri(writer, route, addPath);
        const bytes = writer.take();
        expect(decodeNlri(family, bytes, 0, bytes.length, addPath, kind)).toEqual({ routes: sent });
      }),
    );
  });
});

describe('path attributes', () => {
  const present = { hasIpv4Nlri: true };

  function roundTrip(attributes: PathAttributes, context: WireContext): PathAttributes {
    const writer = new ByteWriter(64);
    encodePathAttributes(writer, attributes, context);
    const bytes = writer.take();
    const result = decodePathAttributes(bytes, 0, bytes.length, context, present);
    expect(result.errors).toEqual([]);
    expect(result.attributeCodes).toEqual(result.attributeCodes.toSorted((a, b) => a - b));
    return result.attributes;
  }

  it('come back from a session with 4-octet AS numbers', () => {
    fc.assert(
      fc.property(pathAttributes, (attributes) => {
        expect(roundTrip(attributes, CONTEXT)).toEqual(attributes);
      }),
    );
  });

  it('come back from a session with 2-octet AS numbers but for the order of confederation segments', () => {
    fc.assert(
      fc.property(pathAttributes, (attributes) => {
        const again = roundTrip(attributes, contextWith(false, false));
        const { as4Path: _path, as4Aggregator: _aggregator, ...rest } = again;
        const { as4Path: _p, as4Aggregator: _a, asPath: sent = [], ...expected } = attributes;
        const { asPath: received = [], ...others } = rest;
        expect(others).toEqual(expected);
        const members = (path: typeof sent): number[] =>
          withoutConfederation(path).flatMap(({ asns }) => asns);
        expect(members(received)).toEqual(members(sent));
      }),
    );
  });

  it('merging AS4_PATH never makes a path longer or shorter', () => {
    fc.assert(
      fc.property(asPath, asPath, (path, as4Path) => {
        const merged = mergeAs4Path(path, withoutConfederation(as4Path));
        expect(asPathLength(merged)).toBe(asPathLength(path));
      }),
    );
  });
});

describe('UPDATE', () => {
  const update = fc
    .tuple(carriedFamily, carriedFamily, fc.boolean())
    .chain(([reachFamily, unreachFamily, addPath]) => {
      const list = (family: number, kind: 'announced' | 'withdrawn') =>
        fc.array(
          fc
            .tuple(routeOf(family, kind), u32)
            .map(([route, pathId]) => (addPath ? { ...route, pathId } : route)),
          { minLength: 1, maxLength: 5 },
        );
      return fc.record({
        addPath: fc.constant(addPath),
        attributes: pathAttributes,
        withdrawn: list(IPV4_UNICAST, 'withdrawn'),
        nlri: list(IPV4_UNICAST, 'announced'),
        mpReach: fc.record({
          family: fc.constant(reachFamily),
          nextHop: nextHopOf(reachFamily),
          routes: list(reachFamily, 'announced'),
        }),
        mpUnreach: fc.record({
          family: fc.constant(unreachFamily),
          routes: list(unreachFamily, 'withdrawn'),
        }),
      });
    });

  it('comes back with all its parts', () => {
    fc.assert(
      fc.property(update, ({ addPath, ...content }) => {
        const context = contextWith(true, addPath);
        const message = decoded((writer) => encodeUpdate(writer, content, context), context);
        const { withdrawn, nlri, mpReach, mpUnreach, attributes } = content;
        expect(message).toMatchObject({
          type: 'update',
          update: {
            outcome: 'ok',
            attributes,
            withdrawn: [{ family: IPV4_UNICAST, routes: withdrawn }, mpUnreach],
            announced: [mpReach, { family: IPV4_UNICAST, routes: nlri }],
            endOfRib: undefined,
          },
        });
      }),
    );
  });
});
