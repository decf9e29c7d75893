import { BfdState, type ControlPacket } from '../../../bfd/control-packet.ts';

/** What a peer sends that is down and knows nothing of us; intervals in microseconds. */
export const DEFAULT_PACKET: ControlPacket = {
  diagnostic: 0,
  state: BfdState.down,
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMultiplier: 3,
  myDiscriminator: 77,
  yourDiscriminator: 0,
  desiredMinTx: 100_000,
  requiredMinRx: 100_000,
  requiredMinEchoRx: 0,
};
