import type { BfdStatus } from '../../bfd/bfd-session.ts';
import type { Clock, Timer } from '../../bgp/session/clock.ts';
import { type RandomSource, RetryBackoff } from '../../bgp/session/retry-backoff.ts';
import { formatAddress } from '../../net/address.ts';
import { type BfdTarget, BfdThread, type BfdThreadNews } from './bfd-thread.ts';

/** A session that runs. */
export interface BfdWatchedPath {
  /** What was last heard of it; undefined until it was started, and while the thread of BFD is started again. */
  readonly status: BfdStatus | undefined;
  /** Ends it on purpose. */
  close(): void;
}

/** What the service is given. */
export interface BfdServiceOptions {
  /** File of the thread's program. */
  readonly program: URL;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly warn: (message: string) => void;
}

/** Longest wait before a thread that failed is started again, in milliseconds. */
const LONGEST_RESTART_DELAY = 60_000;
/** A thread that ran for so many milliseconds was no failure: the waits start from the shortest again. */
const STABLE_TIME = 60_000;

interface Watched {
  readonly target: BfdTarget;
  status: BfdStatus | undefined;
  readonly changed: (status: BfdStatus | undefined) => void;
  /** The thread that runs now has it. */
  running: boolean;
}

/**
 * BFD sessions in a thread of their own. The thread starts with the first session: a daemon without BFD does not pay
 * for it. One that fails is started again with all its sessions; until then nothing is known of any path, and no
 * session of BGP is taken down for it.
 */
export class BfdService {
  readonly #options: BfdServiceOptions;
  readonly #watched = new Map<number, Watched>();
  readonly #backoff: RetryBackoff;
  #thread: BfdThread | undefined;
  #startedAt = 0;
  /** From a failure until the next start, and while a session waits for its sockets. */
  #restart: Timer | undefined;
  #lastDiscriminator = 0;

  constructor(options: BfdServiceOptions) {
    this.#options = options;
    this.#backoff = new RetryBackoff(LONGEST_RESTART_DELAY, options.random);
  }

  /**
   * Starts a session; `changed` is called for each change of its state, with undefined when nothing is known of it any more.
   *
   * @throws InetSocketError or NamespaceError when its sockets cannot be had
   */
  watch(target: BfdTarget, changed: (status: BfdStatus | undefined) => void): BfdWatchedPath {
    const discriminator = ++this.#lastDiscriminator;
    const watched: Watched = { target, status: undefined, changed, running: false };
    if (this.#thread || !this.#restart) {
      this.#thread ??= this.#startThread();
      this.#thread.add(discriminator, target);
      watched.running = true;
    }
    this.#watched.set(discriminator, watched);
    return {
      get status() {
        return watched.status;
      },
      close: () => {
        if (this.#watched.delete(discriminator)) this.#thread?.remove(discriminator);
      },
    };
  }

  #startThread(): BfdThread {
    this.#startedAt = this.#options.clock.now();
    return new BfdThread(this.#options.program, {
      message: (message) => this.#handle(message),
      ended: (reason) => this.#startAgainLater(reason),
    });
  }

  #startAgainLater(reason: string): void {
    const { clock, warn } = this.#options;
    this.#thread = undefined;
    for (const watched of this.#watched.values()) {
      watched.running = false;
      if (watched.status === undefined) continue;
      watched.status = undefined;
      watched.changed(undefined);
    }
    if (clock.now() - this.#startedAt >= STABLE_TIME) this.#backoff.reset();
    const delay = this.#backoff.next();
    const seconds = (delay / 1000).toFixed(1);
    warn(`the thread of BFD has failed, sessions go on without BFD for ${seconds} s: ${reason}`);
    this.#restart?.cancel();
    this.#restart = clock.setTimer(delay, () => this.#startAgain());
  }

  #startAgain(): void {
    this.#restart = undefined;
    if (this.#watched.size === 0) return;
    this.#thread ??= this.#startThread();
    let failed = false;
    for (const [discriminator, watched] of this.#watched) {
      if (!watched.running) watched.running = this.#addAgain(this.#thread, discriminator, watched.target);
      failed ||= !watched.running;
    }
    // Its address or its VRF may not be there at present.
    if (failed) {
      this.#restart = this.#options.clock.setTimer(this.#backoff.next(), () => this.#startAgain());
    }
  }

  #addAgain(thread: BfdThread, discriminator: number, target: BfdTarget): boolean {
    try {
      thread.add(discriminator, target);
      return true;
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.#options.warn(`BFD ${formatAddress(target.remote)} cannot be started again yet: ${words}`);
      return false;
    }
  }

  #handle(message: BfdThreadNews): void {
    if (message.kind === 'trouble') {
      this.#options.warn(message.message);
      return;
    }
    const watched = this.#watched.get(message.discriminator);
    if (!watched) return;
    watched.status = message.status;
    watched.changed(message.status);
  }

  /** Ends all sessions; their other ends are told. */
  close(): void {
    for (const discriminator of this.#watched.keys()) this.#thread?.remove(discriminator);
    this.#watched.clear();
    this.#restart?.cancel();
  }
}
