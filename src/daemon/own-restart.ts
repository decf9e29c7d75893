import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../bgp/session/clock.ts';
import type { Speaker } from '../../bgp/speaker.ts';

/** Milliseconds between two looks whether all is known again. */
const LOOK_TIME = 100;
/** Milliseconds that the last peer which came back has to tell its routes, when it says no End-of-RIB. */
const SETTLING_TIME = 1000;
/** Milliseconds that a peer has which restarts too. */
const RESTARTING_PEER_TIME = 5000;

/**
 * A file that is there while, and after, the daemon runs. It lies in /run, which a boot empties: a daemon that
 * finds it at its start has been restarted, and the kernel may have gone on forwarding meanwhile.
 */
export class RunMarker {
  readonly #path: string;
  /** The file was there already. */
  readonly wasThere: boolean;

  /** Throws what the file system says when the file cannot be made. */
  constructor(path: string) {
    this.#path = path;
    this.wasThere = existsSync(path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
  }

  /** For a daemon that leaves nothing behind. */
  remove(): void {
    rmSync(this.#path, { force: true });
  }
}

/** What {@link OwnRestart} is given. */
export interface OwnRestartOptions {
  readonly clock: Clock;
  /** False: this is a first start, and there is nothing to restart. */
  readonly restarted: boolean;
  /** Seconds for which peers keep our routes. */
  readonly restartTime: number;
  /** Peers may come that are not known yet: nobody can tell that all are back. */
  readonly openEnded: boolean;
  readonly finished: (milliseconds: number, complete: boolean) => void;
}

/**
 * This router as one that restarts (RFC 4724 §4.1): it says so in its OPENs, and announces nothing until its peers
 * have told it everything again, or the time is over for which they keep its routes.
 */
export class OwnRestart {
  readonly #options: OwnRestartOptions;
  #restarting: boolean;
  readonly #startedAt: number;

  constructor(options: OwnRestartOptions) {
    this.#options = options;
    this.#restarting = options.restarted;
    this.#startedAt = options.clock.now();
  }

  get restarting(): boolean {
    return this.#restarting;
  }

  /** Not after a boot: what peers may have kept from before leads nowhere. */
  get preserved(): boolean {
    const { clock, restarted, restartTime } = this.#options;
    return restarted || clock.now() - this.#startedAt >= restartTime * 1000;
  }

  /** Keeps the speaker silent for as long as the restart takes; before its sessions are started. */
  begin(speaker: Speaker): void {
    if (!this.#restarting) return;
    speaker.beSilent();
    const { clock, restartTime, openEnded } = this.#options;
    const begin = clock.now();
    const look = (): void => {
      const passed = clock.now() - begin;
      const complete = !openEnded && isComplete(speaker, clock.wallTime());
      if (!complete && passed < restartTime * 1000) {
        clock.setTimer(LOOK_TIME, look);
        return;
      }
      this.#restarting = false;
      speaker.speakUp();
      this.#options.finished(passed, complete);
    };
    clock.setTimer(LOOK_TIME, look);
  }
}

/**
 * Every peer is back, and those that say End-of-RIB have said it. One that says that it restarts itself may wait for us:
 * we do not wait for it for long (RFC 4724 §4.1 would not at all, but FRR says so for minutes after its start).
 */
function isComplete({ peers }: Speaker, now: number): boolean {
  return peers.every(({ session, endOfRibSeen }) => {
    const negotiated = session?.negotiated;
    if (!session || !negotiated) return false;
    const { families, gracefulRestart } = negotiated;
    if (families.every((family) => endOfRibSeen.has(family))) return true;
    if (gracefulRestart && !gracefulRestart.restarting) return false;
    return now - session.since >= (gracefulRestart ? RESTARTING_PEER_TIME : SETTLING_TIME);
  });
}
