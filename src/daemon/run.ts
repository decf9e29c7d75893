import { setTimeout as sleep } from 'node:timers/promises';
import type { PeerEvents } from '../../bgp/peer.ts';
import { systemClock } from '../../bgp/session/clock.ts';
import { CeaseSubcode } from '../../bgp/wire/constants.ts';
import { familyName } from '../../bgp/wire/family.ts';
import { systemCalls } from '../../dataplane/system-calls.ts';
import { toHex } from '../../net/hex.ts';
import { prefixContains } from '../../net/prefix.ts';
import { BfdService } from '../bfd/bfd-service.ts';
import { EXIT_BAD, EXIT_GOOD, EXIT_UNUSABLE } from '../cli/exit-codes.ts';
import { packageVersion } from '../cli/package-version.ts';
import type { RunOptions } from '../cli/run-options.ts';
import type { ConfigurationResult, NodeConfiguration, Underlay } from '../config/model.ts';
import { type ControlServer, startControlServer } from '../control/server.ts';
import { isOnOwnNetwork } from '../node/addresses-beside.ts';
import type { KernelRuntime } from '../node/kernel-runtime.ts';
import { TcpTransport } from '../transport/tcp-transport.ts';
import { BfdWatch } from './bfd-watch.ts';
import { DynamicNeighbors } from './dynamic-neighbors.ts';
import { createLogger, type Logger } from './log.ts';
import { LogLimit } from './log-limit.ts';
import { OwnRestart, RunMarker } from './own-restart.ts';
import { fabricInterfaces, fabricRanges, type PeerWorld } from './peer-plan.ts';
import { Router } from './router.ts';
import { SessionOpener } from './session-opener.ts';
import { findNeighbors } from './unnumbered-neighbors.ts';
import { DaemonView } from './view.ts';
import { warmUp } from './warm-up/warm-up.ts';

/** RFC 4486 §4. */
const ADMINISTRATIVE_SHUTDOWN = 2;

/** Milliseconds in which what was still on its way to the kernel has to be there. */
const LONGEST_FREEZE = 1000;

/** Milliseconds for the NOTIFICATIONs of a shutdown to leave. */
const FAREWELL_TIME = 50;

/** Milliseconds between two looks whether all peers have sent End-of-RIB, and until that is given up. */
const CONVERGENCE_LOOK_TIME = 1000;
const LONGEST_CONVERGENCE = 120_000;

/** Milliseconds after which the process ends even if something keeps it. */
const LONGEST_FAREWELL = 3000;

/** Milliseconds from the start until the daemon practises: peers that are there at once come first. */
const WARM_UP_DELAY = 200;

/** Octets of a malformed attribute that are shown. */
const MOST_LOGGED_OCTETS = 64;

type UsableConfiguration = NodeConfiguration & { readonly underlay: Underlay };

/** Runs the daemon until a signal ends it; returns the exit status. */
export async function runDaemon(options: RunOptions): Promise<number> {
  const { configPath, ...node } = options;
  // Not by a static import: what reads the configuration is as much code as the rest, and a file of its own in dist/.
  const { loadConfiguration } = await import('../config/load-configuration.ts');
  const result = loadConfiguration(configPath, node);
  const log = createLogger({
    level: options.logLevel ?? result.configuration.logLevel ?? 'info',
    format: options.logFormat,
  });
  reportConfiguration(result, log);
  const { configuration } = result;
  if (!isUsable(configuration)) {
    log.fatal({ config: configPath }, 'there is no usable Underlay in the configuration: nothing to run');
    return EXIT_UNUSABLE;
  }
  const stopped = waitForSignal(log);
  const daemon = new Daemon(options, result, configuration, log);
  try {
    await daemon.start();
  } catch (error) {
    log.fatal({ err: error }, 'cannot start');
    await daemon.stop('start failed');
    return EXIT_BAD;
  }
  await daemon.stop(await stopped);
  // Whatever may still be open, a daemon that was told to end ends; unreferenced, it delays nothing.
  setTimeout(() => process.exit(EXIT_GOOD), LONGEST_FAREWELL).unref();
  return EXIT_GOOD;
}

function isUsable(configuration: NodeConfiguration): configuration is UsableConfiguration {
  return configuration.underlay !== undefined;
}

function reportConfiguration(
  { findings, skippedDocuments, accepted }: ConfigurationResult,
  log: Logger,
): void {
  for (const { level, message, resource, field, location } of findings) {
    const where = `${location.file}:${location.line}:${location.column}`;
    const about = { ...(resource && { resource: `${resource.kind}/${resource.name}` }), field, where };
    if (level === 'error') log.error(about, message);
    else log.warn(about, message);
  }
  for (const { kind, name, location } of skippedDocuments) {
    log.info(
      { kind, name, where: `${location.file}:${location.line}` },
      'skipped a document of another kind',
    );
  }
  log.info(
    { resources: accepted.map(({ kind, name }) => `${kind}/${name}`).join(',') },
    'configuration read',
  );
}

function waitForSignal(log: Logger): Promise<string> {
  process.on('SIGHUP', () =>
    log.warn(
      'SIGHUP changes nothing: restart to read the configuration again, the kernel goes on forwarding',
    ),
  );
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        log.info({ signal }, 'shutting down');
        resolve(signal);
      });
    }
  });
}

/** The parts of the running daemon. */
class Daemon {
  readonly #options: RunOptions;
  readonly #result: ConfigurationResult;
  readonly #configuration: UsableConfiguration;
  readonly #log: Logger;
  #kernel: KernelRuntime | undefined;
  #router: Router | undefined;
  #bfd: BfdWatch | undefined;
  #dynamic: DynamicNeighbors | undefined;
  /** While the Underlay has `gracefulRestart`. */
  #marker: RunMarker | undefined;
  #stopping = false;
  #opener: SessionOpener | undefined;
  #discovery: { close(): void } | undefined;
  #control: ControlServer | undefined;

  constructor(
    options: RunOptions,
    result: ConfigurationResult,
    configuration: UsableConfiguration,
    log: Logger,
  ) {
    this.#options = options;
    this.#result = result;
    this.#configuration = configuration;
    this.#log = log;
  }

  async start(): Promise<void> {
    const { dataplane, netns } = this.#options;
    if (dataplane === 'kernel') {
      const { KernelRuntime } = await import('../node/kernel-runtime.ts');
      this.#kernel = await KernelRuntime.start(this.#configuration, netns, this.#log);
    }
    const restart = this.#ownRestart();
    const router = this.#makeRouter(restart);
    this.#router = router;
    this.#kernel?.onChange(() => router.followKernel());
    this.#control = await startControlServer({
      path: this.#options.controlPath,
      view: new DaemonView({
        version: packageVersion(),
        router,
        result: this.#result,
        networkNamespace: this.#kernel ? netns : undefined,
        kernel: this.#kernel,
        ...(this.#bfd && { bfd: this.#bfd }),
        refusals: () => this.#opener?.refusals ?? 0,
        wallTime: systemClock.wallTime,
      }),
      actions: {
        drain: (seconds) => this.#drain(router, seconds),
        clear: (name) => this.#clear(router, name),
      },
      log: (message, error) => this.#log.error({ err: error }, message),
    });
    restart.begin(router.speaker);
    router.start();
    await this.#findNeighbors();
    if (this.#kernel) this.#sweepWhenConverged(router, this.#kernel);
    this.#log.info({ control: this.#control.path }, 'started');
    this.#warmUp(router);
  }

  #warmUp({ speaker }: Router): void {
    const families = [...new Set(speaker.peers.flatMap((peer) => peer.configuration.settings.families))];
    const pause = (milliseconds: number): Promise<void> => sleep(milliseconds, undefined, { ref: false });
    const begin = performance.now();
    void sleep(WARM_UP_DELAY, undefined, { ref: false })
      .then(() =>
        warmUp({
          clock: systemClock,
          families,
          kernel: this.#kernel !== undefined,
          realWork: () => speaker.turns,
          isOver: () => this.#stopping,
          pause,
        }),
      )
      .then(() => {
        // Compiling took memory for a moment that the C library would keep for the next time.
        systemCalls().trimMemory();
        const milliseconds = Math.round(performance.now() - begin);
        this.#log.debug({ milliseconds }, 'warmed up');
      })
      .catch((error: unknown) => this.#log.error({ err: error }, 'cannot warm up'));
  }

  /** Routes of an earlier run go on forwarding until the peers have told us theirs, or the time is over. */
  #sweepWhenConverged(router: Router, kernel: KernelRuntime): void {
    const end = systemClock.now() + LONGEST_CONVERGENCE;
    const look = setInterval(() => {
      if (!router.converged && systemClock.now() < end) return;
      clearInterval(look);
      kernel.sweepStaleRoutes();
    }, CONVERGENCE_LOOK_TIME);
    look.unref();
  }

  #ownRestart(): OwnRestart {
    const { gracefulRestart } = this.#configuration.underlay;
    if (gracefulRestart) this.#marker = new RunMarker(`${this.#options.controlPath}.run`);
    return new OwnRestart({
      clock: systemClock,
      restarted: this.#marker?.wasThere ?? false,
      restartTime: gracefulRestart?.restartTime ?? 0,
      openEnded: this.#configuration.underlay.neighbors.some(({ peer }) => peer.by === 'listenRange'),
      finished: (milliseconds, complete) => {
        const about = { milliseconds: Math.round(milliseconds) };
        if (complete) this.#log.info(about, 'restart finished: all peers have told their routes');
        else this.#log.warn(about, 'restart finished without all peers: the restart time is over');
      },
    });
  }

  #makeRouter(restart: OwnRestart): Router {
    const { netns, bgpListen } = this.#options;
    const world: PeerWorld = {
      namespace: this.#kernel ? netns : undefined,
      listen: bgpListen,
      isRestarting: () => restart.restarting,
      isPreserved: () => restart.preserved,
    };
    const transport = new TcpTransport({ warn: (message) => this.#log.warn(message) });
    const environment = { transport, clock: systemClock, random: Math.random };
    const opener = new SessionOpener(environment, world, this.#log);
    this.#opener = opener;
    const bfd = this.#makeBfd();
    this.#bfd = bfd;
    const router = new Router({
      configuration: this.#configuration,
      world,
      clock: systemClock,
      openSession: (settings, events) => opener.open(settings, events),
      defer: setImmediate,
      events: peerLog(this.#log, bfd, () => this.#dynamic),
      bfd,
      kernel: this.#kernel,
    });
    this.#welcomeNeighbors(router, opener, world);
    return router;
  }

  /** Neighbors that are not known by their addresses. */
  #welcomeNeighbors(router: Router, opener: SessionOpener, world: PeerWorld): void {
    const ranges = fabricRanges(this.#configuration.underlay, world);
    const dynamic = new DynamicNeighbors({
      ranges,
      clock: systemClock,
      log: this.#log,
      add: (plan) => router.addPeer(plan),
      remove: (peer, subcode, reason) => {
        this.#bfd?.remove(peer);
        router.speaker.removePeer(peer, subcode, reason);
        if (peer.session) opener.forget(peer.session);
      },
    });
    this.#dynamic = dynamic;
    for (const { range, planFor } of ranges) {
      const { socket } = planFor(range.address).settings;
      opener.welcome({ range, socket, welcome: (address) => dynamic.welcome(address) });
    }
  }

  async #findNeighbors(): Promise<void> {
    if (!this.#opener) return;
    this.#discovery = await findNeighbors({
      interfaces: fabricInterfaces(this.#configuration.underlay),
      opener: this.#opener,
      namespace: this.#kernel ? this.#options.netns : undefined,
      clock: systemClock,
      log: this.#log,
    });
  }

  #makeBfd(): BfdWatch {
    const service = new BfdService({
      program: new URL('./bfd-worker.cjs', import.meta.url),
      clock: systemClock,
      random: Math.random,
      warn: (message) => this.#log.warn(message),
    });
    const kernel = this.#kernel;
    return new BfdWatch(service, this.#log, (address) =>
      kernel
        ? kernel.facts.connected.some(({ prefix }) => prefixContains(prefix, address))
        : isOnOwnNetwork(address),
    );
  }

  /** Takes the node out of service: traffic goes elsewhere, then the sessions end. A restart undoes it. */
  #drain(router: Router, seconds: number): void {
    if (router.speaker.draining) return;
    this.#log.warn(
      { seconds },
      'draining: all routes are announced as the worst ones, then the sessions end',
    );
    router.speaker.drain();
    systemClock.setTimer(seconds * 1000, () => router.shutDown(ADMINISTRATIVE_SHUTDOWN, 'drained'));
  }

  #clear({ speaker }: Router, name: string): void {
    const session = speaker.peers.find((peer) => peer.name === name)?.session;
    this.#log.warn({ peer: name }, 'the session is cleared');
    session?.clear(CeaseSubcode.ADMINISTRATIVE_RESET, 'cleared');
  }

  async #freezeKernel(): Promise<void> {
    const late = new AbortController();
    const limit = sleep(LONGEST_FREEZE, undefined, { signal: late.signal }).catch(() => undefined);
    await Promise.race([this.#kernel?.freezeRoutes(), limit]);
    late.abort();
  }

  /** Says goodbye to the peers; the kernel keeps forwarding unless `--cleanup` was given. */
  async stop(reason: string): Promise<void> {
    this.#stopping = true;
    this.#opener?.close();
    this.#bfd?.close();
    this.#discovery?.close();
    // What the sessions take with them must not be taken from the kernel.
    await this.#freezeKernel();
    const text = `openpe-routerd ends: ${reason}`;
    if (this.#marker && !this.#options.cleanup) this.#router?.leave(ADMINISTRATIVE_SHUTDOWN, text);
    else this.#router?.stop(ADMINISTRATIVE_SHUTDOWN, text);
    if (this.#options.cleanup) this.#marker?.remove();
    await sleep(FAREWELL_TIME);
    await this.#control?.close();
    if (this.#kernel) await this.#kernel.stop(this.#options.cleanup);
  }
}

/** What happens to sessions, in the log. */
function peerLog(log: Logger, bfd: BfdWatch, dynamic: () => DynamicNeighbors | undefined): PeerEvents {
  const limit = new LogLimit(systemClock);
  return {
    established: (peer, negotiated) => {
      const { families, holdTime, active } = negotiated;
      log.info(
        {
          peer: peer.name,
          families: families.map(familyName).join(','),
          holdTime,
          opened: active ? 'us' : 'peer',
        },
        'session established',
      );
      bfd.established(peer, negotiated);
    },
    kept: (peer, families, seconds) => {
      log.warn(
        { peer: peer.name, families: families.map(familyName).join(','), seconds },
        'the peer restarts: its routes stay in use',
      );
      dynamic()?.kept(peer, seconds);
    },
    longLived: (peer, families, seconds) => {
      log.warn(
        { peer: peer.name, families: families.map(familyName).join(','), seconds },
        'the peer has not come back in time: its routes stay in use where there is no other one',
      );
      dynamic()?.kept(peer, seconds);
    },
    down: (peer, { reason }) => {
      log.warn({ peer: peer.name, reason }, 'session down');
      bfd.down(peer);
    },
    endOfRib: (peer, family) => log.debug({ peer: peer.name, family: familyName(family) }, 'End-of-RIB'),
    tolerated: (peer, { message, errorClass, attribute, offset, data }) =>
      limit.pass(peer.name, (leftOut) =>
        log.warn(
          {
            peer: peer.name,
            answer: errorClass,
            attribute,
            offset,
            ...(data.length > 0 && { bytes: toHex(data.subarray(0, MOST_LOGGED_OCTETS)) }),
            ...(leftOut > 0 && { leftOut }),
          },
          `error in an UPDATE: ${message}`,
        ),
      ),
    leaked: (peer, family) =>
      limit.pass(`leaks of ${peer.name}`, (leftOut) =>
        log.warn(
          { peer: peer.name, family: familyName(family), ...(leftOut > 0 && { leftOut }) },
          'refused routes that are a leak: they are marked as for customers only (RFC 9234)',
        ),
      ),
    prefixLimit: (peer, family, count, state) => {
      const { limit } = peer.configuration.prefixLimits?.get(family) ?? {};
      const about = { peer: peer.name, family: familyName(family), count, limit };
      if (state === 'near') log.warn(about, 'the peer is near the most prefixes that are taken from it');
      else log.error(about, 'the peer has more prefixes than are taken from it');
    },
    unannounced: (peer, family) =>
      log.warn(
        { peer: peer.name, family: familyName(family) },
        'nothing can be announced: no next hop of that IP version, and no extended next hop (RFC 8950) from the peer',
      ),
    stateChanged: (peer, state) => {
      log.debug({ peer: peer.name, state }, 'session state');
      dynamic()?.stateChanged(peer);
    },
  };
}
