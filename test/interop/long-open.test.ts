import { expect, it } from 'vitest';
import { describeTopology } from './interop-suite.ts';
import { waitFor } from './network/wait.ts';

const ROUTE = { family: 'ipv4', prefix: '10.92.0.0/24' } as const;

const PLAN = {
  routers: {
    us: { program: 'openpe', as: 64514 },
    verbose: { program: 'bird', as: 64513, longOpen: true, routes: [ROUTE] },
  },
  links: [{ between: ['us', 'verbose'], families: ['ipv4'] }],
} as const;

/** Octets of an OPEN without optional parameters, and the most that these have in the short form (RFC 4271 §4.2). */
const FIXED_OCTETS = 29;
const MOST_IN_SHORT_FORM = 255;

describeTopology('an OPEN with more than 255 octets of optional parameters (RFC 9072)', PLAN, (topology) => {
  it('is understood', async () => {
    await topology().established();
    const { us, verbose } = topology().speakers;
    const neighbor = topology().address('us', 'verbose');
    await waitFor(
      'its route is here',
      () => us.prefixes('ipv4'),
      (prefixes) => prefixes.has(ROUTE.prefix),
    );
    const octets = await verbose.octetsSent(neighbor);
    const { messages, families, lost } = await us.session(topology().address('verbose', 'us'));
    // The others are the UPDATE of one route, the end of the table, of 23 octets, and KEEPALIVEs.
    const ofOpen = octets - 60 - 23 * (messages.received - 2);
    process.stdout.write(`long OPEN: at least ${ofOpen} octets\n`);
    expect(ofOpen).toBeGreaterThan(FIXED_OCTETS + MOST_IN_SHORT_FORM);
    expect(families).toMatchObject([{ family: 'ipv4-unicast', received: 1 }]);
    expect(lost).toBe(0);
  });
});
