import { frrRouter } from './frr-router.ts';
import type { LabRouter } from './lab-router.ts';
import { openpeRouter } from './openpe-router.ts';

/** Said about a choice that does not exist. */
export class UnknownChoice extends Error {
  override readonly name = 'UnknownChoice';
}

/**
 * The router named by the environment: `ROUTER=openpe` (default) or `frr`, with the example's
 * resources in `API=current` (default) or `first-api`.
 *
 * @throws UnknownChoice
 */
export function chooseRouter(environment: NodeJS.ProcessEnv = process.env): LabRouter {
  const router = environment.ROUTER ?? 'openpe';
  const api = environment.API ?? 'current';
  if (api !== 'current' && api !== 'first-api')
    throw new UnknownChoice(`API=${api}: current or first-api expected`);
  if (router === 'frr') return frrRouter;
  if (router === 'openpe') return openpeRouter(api);
  throw new UnknownChoice(`ROUTER=${router}: openpe or frr expected`);
}
