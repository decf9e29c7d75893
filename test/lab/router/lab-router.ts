import type { LabNode } from '../topology/node.ts';

/** Exit status of a condition that will not become true any more. */
export const NEVER = 70;

/**
 * What stands in the place of the node's router. All values are bash to be run in the guest, so that
 * a person can be shown what is done.
 */
export interface LabRouter {
  /** For people, such as `openpe-routerd` or `FRR`. */
  readonly title: string;
  /** Starts the router of a node; returns at once. */
  start(node: LabNode): string;
  /**
   * A condition: the sessions to the fabric and to the host, red and blue, are established. Ends with
   * {@link NEVER} when the router is not running.
   */
  ready(node: LabNode): string;
  /** Ends the router and undoes what it did to the host, the underlay device included. */
  stop(node: LabNode): string;
  /** Ends the router as a crash would. */
  kill(node: LabNode): string;
  /** Starts it again after {@link LabRouter.kill}, with all kernel objects still there. */
  restart(node: LabNode): string;
  /** Prints the sessions, for a person. */
  sessions(node: LabNode): string;
  /** Prints the Type 5 routes, for a person. */
  type5Routes(node: LabNode): string;
  /** Prints the routes of VRF red, for a person. */
  vrfRoutes(node: LabNode): string;
  /** Prints what the router logged. */
  log(node: LabNode): string;
}
