import { constants } from 'node:os';

/**
 * Has SIGINT, SIGTERM and SIGHUP end what runs with `stop`, so that the program comes to its end and cleans up. Gives
 * a function that tells the exit status of a program that a signal ended, 0 while none came.
 */
export function exitAtSignals(stop: () => void): () => number {
  let status = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      status = 128 + constants.signals[signal];
      stop();
    });
  }
  return () => status;
}
