// Ends while notifications of the kernel are waiting ("leave"), or has a listener that throws ("throw"). Runs in a
// network namespace of its own. Arguments: repository, and which of the two.
import { execFileSync } from 'node:child_process';

const [repository, how] = process.argv.slice(2);
const { subscribe } = await import(`${repository}/out/build/dataplane/netlink/subscription.js`);
const { RouteSocket } = await import(`${repository}/out/build/dataplane/netlink/route-socket.js`);
const { getLinkMessage } = await import(`${repository}/out/build/dataplane/link-messages.js`);
const RTNLGRP_LINK = 1;

process.on('uncaughtException', (error) => console.log(`uncaught: ${error.message}`));
await new Promise((resolve) => {
  // A subscription does not keep a process alive.
  const alive = setInterval(() => undefined, 1000);
  const changed = () => {
    clearInterval(alive);
    resolve();
    if (how === 'throw') throw new Error('from a listener');
  };
  subscribe(undefined, [RTNLGRP_LINK], { changed, lost: changed });
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
});
if (how === 'leave') {
  console.log('heard');
  // The environment is taken down while an answer and notifications are there to be read.
  await RouteSocket.open().request(getLinkMessage('lo'), { operation: 'look up', object: 'lo' });
  for (const mtu of ['1500', '1501', '1502']) execFileSync('ip', ['link', 'set', 'lo', 'mtu', mtu]);
}
