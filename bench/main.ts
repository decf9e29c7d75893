import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inNamespace, run } from '../test/interop/network/commands.ts';
import { Network } from '../test/interop/network/network.ts';
import type { DaemonName } from './daemons/daemon.ts';
import type { RoundOrder } from './round.ts';
import { LOADS } from './scenarios/loads.ts';
import { DAEMON_IPV4, DAEMON_IPV6, type Measurement, neighborOf } from './scenarios/scenario.ts';

const network = new Network();
const daemonNamespace = await network.addNamespace('daemon');
const loadNamespace = await network.addNamespace('load');
const [a, b] = await network.addLink(daemonNamespace, loadNamespace);
await run('ip', '-n', daemonNamespace, 'addr', 'add', `${DAEMON_IPV4}/16`, 'dev', a.device);
await run('ip', '-n', daemonNamespace, 'addr', 'add', `${DAEMON_IPV6}/64`, 'dev', a.device, 'nodad');
for (let i = 0; i < 60; i++) {
  await run('ip', '-n', loadNamespace, 'addr', 'add', `${neighborOf(i, 'ipv4').address}/16`, 'dev', b.device);
  await run(
    'ip',
    '-n',
    loadNamespace,
    'addr',
    'add',
    `${neighborOf(i, 'ipv6').address}/64`,
    'dev',
    b.device,
    'nodad',
  );
}
const scenarios = (process.env.SCENARIOS ?? '').split(',').filter(Boolean);
const daemons = (process.env.DAEMONS ?? 'openpe,bird').split(',') as DaemonName[];
let n = 0;
for (const { name } of LOADS.filter((s) => scenarios.length === 0 || scenarios.includes(s.name))) {
  for (let round = 0; round < Number(process.env.ROUNDS ?? 1); round++)
    for (const daemon of daemons) {
      const directory = join(network.directory, `${n++}`);
      mkdirSync(directory);
      const order: RoundOrder = { scenario: name, daemon, place: { daemonNamespace, directory } };
      const [program = '', ...args] = inNamespace(
        loadNamespace,
        process.execPath,
        fileURLToPath(new URL('round.js', import.meta.url)),
        JSON.stringify(order),
      );
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let out = '';
      for await (const chunk of child.stdout) out += chunk;
      try {
        const m = JSON.parse(out) as Measurement;
        const l = m.latencies && [...m.latencies].sort((x, y) => x - y);
        const mb = (v?: number) => (v ? (v / 1e6).toFixed(0) : '-');
        process.stdout.write(
          `${name} ${daemon}: ${m.seconds?.toFixed(3)} s, cpu ${m.cpuSeconds?.toFixed(2)}, settled ${mb(m.settledBytes)} peak ${mb(m.peakBytes)} ${l ? `p50 ${l[l.length >> 1]?.toFixed(3)} p99 ${l[Math.floor(l.length * 0.99)]?.toFixed(3)} max ${l.at(-1)?.toFixed(3)}` : ''}\n`,
        );
      } catch (e) {
        process.stdout.write(`${name} ${daemon}: failed ${out}\n`);
      }
    }
}
network.remove(process.env.KEEP === '1');
