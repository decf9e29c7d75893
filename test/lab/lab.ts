import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Frame, readFrames } from './capture/pcap-frames.ts';
import { LabMachine } from './machine/lab-machine.ts';
import { type LabRouter, NEVER } from './router/lab-router.ts';
import { buildFabric, type VrfName } from './topology/fabric.ts';
import { buildNode, type LabNode, labNode } from './topology/node.ts';

/** Something that the lab waited for did not come. */
export class NotReached extends Error {
  override readonly name = 'NotReached';
}

/** What a client in the fabric saw of a web server. */
export interface HttpAnswer {
  /** curl's exit status; 28 is a time-out. */
  readonly status: number;
  readonly body: string;
  readonly error: string;
}

/** A packet capture that is running. */
export interface RunningCapture {
  /** Ends it and gives its frames. */
  stop(): Promise<Frame[]>;
}

/** How to build a lab. */
export interface LabOptions {
  readonly repository: string;
  readonly router: LabRouter;
  readonly terminal?: boolean;
  readonly log?: (line: string) => void;
}

/**
 * The topology of OpenPERouter's MetalLB example on a machine of its own: the fabric and two nodes.
 * The routers of the nodes are started by whoever uses the lab.
 */
export class Lab {
  readonly machine: LabMachine;
  readonly router: LabRouter;
  readonly nodes: readonly [LabNode, LabNode] = [labNode(0), labNode(1)];
  #captures = 0;

  private constructor(machine: LabMachine, router: LabRouter) {
    this.machine = machine;
    this.router = router;
  }

  /** Boots the machine, builds fabric and nodes, and waits until the leaves know each other. */
  static async start(options: LabOptions): Promise<Lab> {
    const log = options.log ?? (() => undefined);
    const machine = await LabMachine.boot(options);
    const lab = new Lab(machine, options.router);
    try {
      await machine.run(
        'ln -s /run/repository/bin/openpe-routerd /run/repository/bin/openpe-routerctl /run/bin/',
      );
      log('fabric: spine, leafA, leafB, leafkind, each a namespace with FRR');
      await machine.run(buildFabric());
      for (const node of lab.nodes) {
        log(`${node.host}: FRR for MetalLB, nginx behind the service's address`);
        await machine.run(buildNode(node));
      }
      await lab.waitUntil(
        'leafkind has the tunnel endpoints of both leaves',
        'ip -n leafkind route show 100.64.0.1 | grep . && ip -n leafkind route show 100.64.0.2 | grep .',
      );
    } catch (error) {
      await machine.stop();
      throw error;
    }
    return lab;
  }

  /** Starts the router of a node and waits for its sessions. */
  async startRouter(node: LabNode): Promise<void> {
    await this.machine.run(this.router.start(node));
    await this.waitRouterReady(node);
  }

  /** Waits for all three sessions of a node's router. */
  async waitRouterReady(node: LabNode): Promise<void> {
    try {
      await this.waitUntil(`sessions of ${node.host}'s ${this.router.title}`, this.router.ready(node), 60);
    } catch (error) {
      const log = await this.machine.attempt(`${this.router.log(node)} | tail -n 40`);
      if (error instanceof NotReached) error.message += `\n${log.stdout}`;
      throw error;
    }
  }

  /**
   * Waits until a bash condition is true. A condition that exits with {@link NEVER} is not tried again.
   *
   * @throws NotReached after `seconds`, with what the condition printed last
   */
  async waitUntil(description: string, condition: string, seconds = 30): Promise<void> {
    const script = `check() {
${condition}
}
until out=$(check 2>&1); do
  [ $? -ne ${NEVER} ] && [ $SECONDS -lt ${seconds} ] || { echo "$out"; exit 1; }
  sleep 0.1
done`;
    const result = await this.machine.attempt(script, { timeout: seconds + 30 });
    if (result.status !== 0) {
      throw new NotReached(
        `${description}: not within ${seconds} s\n${result.stdout}${result.stderr}`.trim(),
      );
    }
  }

  /** Waits until a VRF, or the main table, has a route to exactly `prefix` whose text matches all of the extended regular expressions. */
  async waitRoute(
    namespace: string,
    vrf: VrfName | 'main',
    prefix: string,
    ...patterns: readonly string[]
  ): Promise<void> {
    const matches = ['.', ...patterns].map((pattern) => `grep -qE '${pattern}' <<< "$route"`);
    await this.waitUntil(
      `route to ${prefix} in ${vrf} of ${namespace} that matches ${patterns.join(' and ')}`,
      `route=$(${showRoute(namespace, vrf, prefix)}); echo "$route"; ${matches.join(' && ')}`,
    );
  }

  /** Waits until a VRF, or the main table, has no route to `prefix`. */
  async waitNoRoute(namespace: string, vrf: VrfName | 'main', prefix: string): Promise<void> {
    await this.waitUntil(
      `no route to ${prefix} in ${vrf} of ${namespace}`,
      `! ${showRoute(namespace, vrf, prefix)} | grep .`,
    );
  }

  /** The text of the route to exactly `prefix`, empty when there is none. */
  async route(namespace: string, vrf: VrfName | 'main', prefix: string): Promise<string> {
    return (await this.machine.run(showRoute(namespace, vrf, prefix))).trim();
  }

  /** Fetches a page of the service from a namespace, with a limit in seconds. */
  async fetch(namespace: string, url: string, seconds = 2): Promise<HttpAnswer> {
    const command = `ip netns exec ${namespace} curl -sS --max-time ${seconds} ${url}`;
    const { status, stdout, stderr } = await this.machine.attempt(command);
    return { status, body: stdout, error: stderr.trim() };
  }

  /** Captures what passes a device, from the moment this returns. */
  async capture(namespace: string, device: string, filter = ''): Promise<RunningCapture> {
    const name = `${String(++this.#captures).padStart(2, '0')}-${namespace}-${device}`;
    const file = `/run/captures/${name}`;
    await this.machine.run(`ip netns exec ${namespace} \\
  tcpdump -Z root -i ${device} -U -n -s 0 --immediate-mode -w ${file}.pcap ${filter} > ${file}.log 2>&1 < /dev/null &
echo $! > ${file}.pid
until [ -s ${file}.pcap ]; do sleep 0.05; kill -0 $(cat ${file}.pid) || { cat ${file}.log >&2; exit 1; }; done`);
    return {
      stop: async () => {
        await this.machine.run(`kill -INT $(cat ${file}.pid)
while kill -0 $(cat ${file}.pid) 2> /dev/null; do sleep 0.05; done
mkdir -p /run/lab/captures && cp ${file}.pcap /run/lab/captures/`);
        return readFrames(readFileSync(join(this.machine.directory, 'captures', `${name}.pcap`)));
      },
    };
  }

  /** Ends the machine. */
  async stop(): Promise<void> {
    await this.machine.stop();
  }
}

/** Bash that prints the kernel's route to exactly `prefix`. */
export function showRoute(namespace: string, vrf: VrfName | 'main', prefix: string): string {
  return `ip -n ${namespace} route show ${vrf === 'main' ? 'table main' : `vrf ${vrf}`} exact ${prefix}`;
}
