import { describe, expect, it } from 'vitest';
import { parseLines, runDecode } from './expectation.ts';

const MARKER = 'ff'.repeat(16);
/** An UPDATE of 10.0.0.0/8 with the given AS_PATH value. */
function updateHex(asPathValue: string, nlri = '080a', added = ''): string {
  const size = (text: string): string => (text.length / 2).toString(16).padStart(2, '0');
  const attributes = `400101004002${size(asPathValue)}${asPathValue}400304c0000201${added}`;
  const body = `000000${size(attributes)}${attributes}${nlri}`;
  return `${MARKER}00${size(`${MARKER}000002${body}`)}02${body}`;
}

async function decodeHex(lines: readonly string[], options: readonly string[] = []) {
  const run = await runDecode(['--json', '--format', 'hex', ...options], `${lines.join('\n')}\n`);
  return { ...run, messages: parseLines(run.output) };
}

describe('decode --format hex', () => {
  it('prints a line for every line, also for one that cannot be decoded', async () => {
    const { messages, status } = await decodeHex([
      `${MARKER}001304`,
      'this is not hexadecimal',
      `${MARKER}0013`,
      '',
      `${MARKER}001309`,
      updateHex('02010000fde9'),
    ]);
    expect(status).toBe(0);
    expect(messages).toMatchObject([
      { type: 'keepalive', outcome: 'ok' },
      { type: null, outcome: 'session-reset', error: { code: 1 } },
      { type: null, outcome: 'session-reset', error: { code: 1, subcode: 2 } },
      { type: null, outcome: 'session-reset', error: { code: 1, subcode: 3 } },
      { type: 'update', outcome: 'ok', update: { announced: [{ prefix: '10.0.0.0/8' }] } },
    ]);
  });

  it('takes 2-octet AS numbers with --as2', async () => {
    const { messages } = await decodeHex([updateHex('0201fde9')], ['--as2']);
    expect(messages).toMatchObject([{ outcome: 'ok', update: { attributes: { as_path: '65001' } } }]);
  });

  it('shows confederation segments', async () => {
    const { messages } = await decodeHex([updateHex('03010000fde904020000fdea0000fdeb')]);
    expect(messages).toMatchObject([
      { outcome: 'ok', update: { attributes: { as_path: '(65001) [65002,65003]' } } },
    ]);
  });

  it('takes path identifiers with --add-path', async () => {
    const line = updateHex('02010000fde9', '00000007080a');
    const { messages } = await decodeHex([line], ['--add-path', 'ipv6-unicast,ipv4-unicast']);
    expect(messages).toMatchObject([{ update: { announced: [{ path_id: 7, prefix: '10.0.0.0/8' }] } }]);
  });

  it('takes LOCAL_PREF with --peer ibgp only', async () => {
    const line = updateHex('02010000fde9', '080a', '40050400000064');
    expect((await decodeHex([line])).messages).toMatchObject([
      { outcome: 'attribute-discard', discarded_attributes: [5] },
    ]);
    expect((await decodeHex([line], ['--peer', 'ibgp'])).messages).toMatchObject([
      { outcome: 'ok', update: { attributes: { local_pref: 100 } } },
    ]);
  });

  it('lists what has to go with treat-as-withdraw', async () => {
    const { messages } = await decodeHex([updateHex('020100000000')]);
    expect(messages).toMatchObject([
      {
        outcome: 'treat-as-withdraw',
        update: { announced: [], withdrawn: [{ family: 'ipv4-unicast', prefix: '10.0.0.0/8' }] },
      },
    ]);
    expect(messages[0]?.error).toBeUndefined();
  });

  it('names the families that it does not read', async () => {
    // MP_REACH_NLRI of ipv4-flowspec with no next hop.
    const line = updateHex('02010000fde9', '', '800e0a00018500000501010102');
    const { messages } = await decodeHex([line]);
    expect(messages).toMatchObject([
      {
        outcome: 'ok',
        update: { announced: [], unknown_nlri: [{ family: 'ipv4-flowspec', kind: 'announced' }] },
      },
    ]);
  });

  it('limits messages to 4096 octets without --extended-message', async () => {
    const head = `${MARKER}13880200001371`;
    const long = head + '00'.repeat(5000 - head.length / 2);
    expect((await decodeHex([long])).messages).toMatchObject([
      { type: 'update', error: { code: 1, subcode: 2 } },
    ]);
    const allowed = (await decodeHex([long], ['--extended-message'])).messages[0];
    expect(allowed?.error?.code).not.toBe(1);
  });
});

describe('the text', () => {
  it('shows routes, attributes and what is wrong', async () => {
    const communities = 'c00808fde90001ffffff01';
    const run = await runDecode(
      ['--format', 'hex'],
      [updateHex('02010000fde9', '080a', communities), updateHex('020100000000')].join('\n'),
    );
    expect(run.output.split('\n')).toEqual([
      'UPDATE 56 octets',
      '    + ipv4-unicast 10.0.0.0/8 via 192.0.2.1',
      '    origin igp, as path 65001',
      '    communities 65001:1 65535:65281 (no-export)',
      'UPDATE 45 octets  [treat-as-withdraw]',
      '    treat-as-withdraw: AS_PATH is malformed (3/11)',
      '    - ipv4-unicast 10.0.0.0/8',
      '    origin igp',
      '',
    ]);
  });

  it('lets no host name of a peer steer the terminal', async () => {
    const capability = '4906041b5b324a00';
    const body = `04fde900b40a0000010a0208${capability}`;
    const run = await runDecode(['--format', 'hex'], `${MARKER}002701${body}`);
    expect(run.output).toContain('fqdn \ufffd[2J');
    expect(run.output).not.toContain('\u001b');
  });
});

describe('decode', () => {
  it('exits with 2 when the file cannot be read', async () => {
    const input = await runDecode(['-'], 'not a capture');
    expect(input).toMatchObject({ status: 2, output: '' });
    expect(input.errors).toContain('unknown-format');
  });

  it('refuses a family that it does not know', async () => {
    await expect(runDecode(['--add-path', 'ipv5-unicast', '-'])).rejects.toThrow(/ipv5-unicast/);
  });
});
