import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, runIn } from './commands.ts';

/** One end of a link. */
export interface LinkEnd {
  readonly namespace: string;
  readonly device: string;
  /** Empty on a link without addresses but link-local ones. */
  readonly ipv4: string;
  readonly ipv6: string;
}

let networks = 0;

/**
 * Network namespaces of one test, connected by links, and a directory for files. Names have the number
 * of this process in them. All of it goes away with {@link remove}, or when this process ends.
 */
export class Network {
  readonly directory = mkdtempSync(join(tmpdir(), 'openpe-interop-'));
  readonly #prefix = `interop-${process.pid}-${networks++}`;
  readonly #namespaces: string[] = [];
  readonly #atExit = (): void => this.#removeNow();
  #links = 0;

  constructor() {
    removeOrphans();
    process.once('exit', this.#atExit);
  }

  /** Makes a namespace and gives its name, which contains `role`. */
  async addNamespace(role: string): Promise<string> {
    const namespace = `${this.#prefix}-${role}`;
    this.#namespaces.push(namespace);
    await run('ip', 'netns', 'add', namespace);
    await run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    return namespace;
  }

  /** Connects two namespaces; link n has 10.99.n.0/24 and fd99:n::/64, `first` the address 1, `second` 2. */
  async addLink(first: string, second: string): Promise<readonly [LinkEnd, LinkEnd]> {
    const number = ++this.#links;
    const end = (namespace: string, host: number): LinkEnd => ({
      namespace,
      device: `link${number}-${host}`,
      ipv4: `10.99.${number}.${host}`,
      ipv6: `fd99:${number}::${host}`,
    });
    const ends = [end(first, 1), end(second, 2)] as const;
    const [from, to] = ends;
    const pair = ['type', 'veth', 'peer', 'name', to.device, 'netns', second];
    await run('ip', 'link', 'add', from.device, 'netns', first, ...pair);
    for (const { namespace, device, ipv4, ipv6 } of ends) {
      await run('ip', '-n', namespace, 'addr', 'add', `${ipv4}/24`, 'dev', device);
      // Without duplicate address detection, which takes a second.
      await run('ip', '-n', namespace, 'addr', 'add', `${ipv6}/64`, 'dev', device, 'nodad');
      await run('ip', '-n', namespace, 'link', 'set', device, 'up');
    }
    return ends;
  }

  /** Connects two namespaces by a link with nothing but link-local addresses: `first` has fe80::1, `second` fe80::2. */
  async addBareLink(first: string, second: string): Promise<readonly [LinkEnd, LinkEnd]> {
    const number = ++this.#links;
    const end = (namespace: string, host: number): LinkEnd => ({
      namespace,
      device: `link${number}-${host}`,
      ipv4: '',
      ipv6: `fe80::${host}`,
    });
    const ends = [end(first, 1), end(second, 2)] as const;
    const [from, to] = ends;
    const pair = ['type', 'veth', 'peer', 'name', to.device, 'netns', second];
    await run('ip', 'link', 'add', from.device, 'netns', first, ...pair);
    for (const one of ends) {
      await run('ip', '-n', one.namespace, 'link', 'set', one.device, 'addrgenmode', 'none');
      await this.setUp(one);
    }
    return ends;
  }

  /** Sets one end of a link up, with its IPv6 address, which it loses when it is set down. */
  async setUp({ namespace, device, ipv6 }: LinkEnd): Promise<void> {
    await run('ip', '-n', namespace, 'link', 'set', device, 'up');
    await run('ip', '-n', namespace, 'addr', 'replace', `${ipv6}/64`, 'dev', device, 'nodad');
  }

  async setDown({ namespace, device }: LinkEnd): Promise<void> {
    await run('ip', '-n', namespace, 'link', 'set', device, 'down');
  }

  /** Connects two namespaces over a third one that forwards; gives the far ends of its two links. */
  async addPathOverRouter(first: string, second: string): Promise<readonly [LinkEnd, LinkEnd]> {
    const router = await this.addNamespace(`hop${this.#links}`);
    for (const name of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']) {
      await runIn(router, 'sysctl', '-qw', `${name}=1`);
    }
    const [from, near] = await this.addLink(first, router);
    const [far, to] = await this.addLink(router, second);
    await addRoutes(from, to, near);
    await addRoutes(to, from, far);
    return [from, to];
  }

  /** Removes the namespaces, and the files unless they are to be kept. */
  remove(keepFiles: boolean): void {
    process.off('exit', this.#atExit);
    this.#removeNow();
    if (!keepFiles) rmSync(this.directory, { recursive: true, force: true });
  }

  #removeNow(): void {
    for (const namespace of this.#namespaces.splice(0)) spawnSync('ip', ['netns', 'del', namespace]);
  }
}

async function addRoutes({ namespace }: LinkEnd, to: LinkEnd, via: LinkEnd): Promise<void> {
  await run('ip', '-n', namespace, 'route', 'add', to.ipv4, 'via', via.ipv4);
  await run('ip', '-n', namespace, 'route', 'add', to.ipv6, 'via', via.ipv6);
}

/** Removes namespaces of test processes that were killed before they could do it. */
function removeOrphans(): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const [namespace, owner] of stdout.matchAll(/^interop-(\d+)-\S+/gm)) {
    if (!existsSync(`/proc/${owner}`)) spawnSync('ip', ['netns', 'del', namespace]);
  }
}
