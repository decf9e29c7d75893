import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Bundle } from '../bin/bundle.mjs';

/*
 * Leaves the compiled code of the daemon beside the files of dist/, for the Node.js that runs this. V8 compiles a
 * function when it is first called; so two daemons are started here, which have a session with each other on
 * loopback, and what they needed for that is what is kept.
 */

/** Milliseconds for the two daemons to start, and to say the rest once both have the session. */
const START_TIME = 5000;
const SETTLING_TIME = 200;

const LAUNCHER = new URL('../bin/openpe-routerd', import.meta.url);

// V8 does not use code that was compiled with other flags than its own.
const flags = /exec node (.*?) "\$0"/.exec(readFileSync(LAUNCHER, 'utf8'))?.[1]?.split(' ');
if (!flags) throw new Error(`${LAUNCHER.pathname} does not say what it starts Node.js with`);
if (!flags.every((flag) => process.execArgv.includes(flag))) {
  execFileSync(process.execPath, [...flags, fileURLToPath(import.meta.url)], { stdio: 'inherit' });
  process.exit();
}

const bundle = new Bundle(new URL('../dist', import.meta.url).pathname);
const directory = mkdtempSync(join(tmpdir(), 'openpe-build-'));
const log = [];
process.stderr.write = (text) => log.push(text) > 0;
try {
  const { main } = bundle.load('openpe-routerd');
  const sides = [
    { asn: 65000, address: '127.0.0.1', port: await freePort() },
    { asn: 65001, address: '127.0.0.2', port: await freePort() },
  ];
  const ends = sides.map((side, index) => main(daemonArguments(side, sides[1 - index])));
  const established = () => log.filter((line) => line.includes('session established')).length;
  for (const end = Date.now() + START_TIME; established() < 2; await sleep(10)) {
    if (Date.now() > end) throw new Error(`no session between two daemons on loopback:\n${log.join('')}`);
  }
  await sleep(SETTLING_TIME);
  for (const [name, script] of bundle.scripts) {
    const path = bundle.cachePathOf(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, script.createCachedData());
  }
  process.kill(process.pid, 'SIGTERM');
  await Promise.all(ends);
} finally {
  rmSync(directory, { recursive: true });
}

function daemonArguments({ asn, address, port }, neighbor) {
  const config = join(directory, `${asn}.yaml`);
  const resource = {
    apiVersion: 'network.openperouter.io/v1alpha1',
    kind: 'Underlay',
    metadata: { name: 'underlay' },
    spec: {
      asn,
      interfaces: [{ type: 'NetworkDevice', networkDevice: { interfaceName: 'lo' } }],
      neighbors: [{ asn: neighbor.asn, address: neighbor.address, port: neighbor.port }],
    },
  };
  writeFileSync(config, JSON.stringify(resource, undefined, 2));
  return [
    'run',
    ...['--config', config, '--node-index', '0', '--dataplane', 'none'],
    ...['--bgp-listen', `${address}:${port}`, '--control', join(directory, `${asn}.sock`)],
  ];
}

/** A port that nobody listens at; the API takes none above 16383. */
async function freePort() {
  for (;;) {
    const port = randomInt(10_000, 16_384);
    const server = createServer();
    const free = await new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
