import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../test/interop/network/commands.ts';
import { type LinkEnd, Network } from '../../test/interop/network/network.ts';
import { type Layout, linkAddresses } from '../scenarios/layout.ts';

/** Two namespaces and a link between them: the daemon's and the load generator's. */
export interface BenchNetwork {
  readonly daemonNamespace: string;
  readonly loadNamespace: string;
  /** For files; goes away with the rest. */
  readonly directory: string;
  remove(): void;
}

/** Makes the namespaces with all addresses of a layout. */
export async function makeNetwork(layout: Layout): Promise<BenchNetwork> {
  const network = new Network();
  const remove = (): void => {
    process.off('exit', remove);
    network.remove(false);
  };
  process.once('exit', remove);
  try {
    const daemonNamespace = await network.addNamespace('daemon');
    const loadNamespace = await network.addNamespace('load');
    const [own, far] = await network.addLink(daemonNamespace, loadNamespace);
    const { daemon, load } = linkAddresses(layout);
    await addAddresses(own, daemon, network.directory);
    await addAddresses(far, load, network.directory);
    return {
      daemonNamespace,
      loadNamespace,
      directory: network.directory,
      remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

async function addAddresses(end: LinkEnd, addresses: readonly string[], directory: string): Promise<void> {
  const file = join(directory, 'addresses');
  const lines = addresses.map((address) => {
    const flags = address.includes(':') ? ' nodad' : '';
    return `addr add ${address} dev ${end.device}${flags}\n`;
  });
  writeFileSync(file, lines.join(''));
  await run('ip', '-n', end.namespace, '-batch', file);
}
