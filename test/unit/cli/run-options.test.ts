import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../../net/address.ts';
import {
  addConfigurationOptions,
  addDaemonOptions,
  addNetnsOption,
  parseListenAddress,
  parseNodeIndex,
  parseNodeLabels,
  type RawRunOptions,
  type RunOptions,
  runOptions,
} from '../../../src/cli/run-options.ts';

function parsed(...args: readonly string[]): RunOptions {
  const command = addDaemonOptions(addNetnsOption(addConfigurationOptions(new Command())));
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  command.parse(['--config', 'openpe.yaml', ...args], { from: 'user' });
  return runOptions(command.opts<RawRunOptions>());
}

describe('options of run', () => {
  test('defaults', () => {
    expect(parsed()).toEqual({
      configPath: 'openpe.yaml',
      netns: 'perouter',
      dataplane: 'kernel',
      bgpListen: [],
      controlPath: '/run/openpe-routerd/control.sock',
      logFormat: 'text',
      cleanup: false,
    });
  });

  test('all of them', () => {
    const options = parsed(
      ...[
        '--netns',
        'pe1',
        '--dataplane',
        'none',
        '--bgp-listen',
        '127.0.0.1:1790',
        '--bgp-listen',
        '[::1]:0',
      ],
      ...[
        '--node-index',
        '7',
        '--node-name',
        'worker',
        '--node-labels',
        'a=b,c=d=e',
        '--control',
        '/tmp/c.sock',
      ],
      ...['--log-level', 'debug', '--log-format', 'json', '--cleanup'],
    );
    const { bgpListen, nodeLabels, ...rest } = options;
    expect(bgpListen.map(({ address, port }) => [formatAddress(address), port])).toEqual([
      ['127.0.0.1', 1790],
      ['::1', 0],
    ]);
    expect([...(nodeLabels ?? [])]).toEqual([
      ['a', 'b'],
      ['c', 'd=e'],
    ]);
    expect(rest).toEqual({
      configPath: 'openpe.yaml',
      netns: 'pe1',
      dataplane: 'none',
      nodeIndex: 7,
      nodeName: 'worker',
      controlPath: '/tmp/c.sock',
      logLevel: 'debug',
      logFormat: 'json',
      cleanup: true,
    });
  });

  test.each([
    '127.0.0.1',
    '127.0.0.1:65536',
    '[127.0.0.1]:179',
    '::1:179',
    'localhost:179',
    ':179',
    '127.0.0.1:',
  ])('no listen address: %s', (text) => {
    expect(() => parseListenAddress(text)).toThrow('Expected ADDRESS:PORT');
  });

  test.each(['-1', '1.5', '0x10', '', '2147483648', '1e3'])('no node index: "%s"', (text) => {
    expect(() => parseNodeIndex(text)).toThrow('Expected a whole number');
  });

  test.each(['rack', '=a', 'a=b,c'])('no labels: %s', (text) => {
    expect(() => parseNodeLabels(text)).toThrow('Expected key=value,key=value');
  });

  test('a label may be empty', () => {
    expect([...parseNodeLabels('control-plane=,a=b')]).toEqual([
      ['control-plane', ''],
      ['a', 'b'],
    ]);
  });
});
