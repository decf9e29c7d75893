import { durationText, TextTable, type WriteText } from './text-table.ts';
import type { SessionView } from './view.ts';

/**
 * Prints a row for each session: while it is Established the prefixes of each family, else why it is
 * not. `now` is wall-clock milliseconds. Gives false when there was no session.
 */
export async function printSessions(
  sessions: AsyncIterable<SessionView>,
  write: WriteText,
  now: number,
): Promise<boolean> {
  const table = new TextTable(
    [
      { title: 'PEER' },
      { title: 'VRF' },
      { title: 'AS', align: 'right' },
      { title: 'STATE' },
      { title: 'SINCE', align: 'right' },
      { title: 'BFD' },
      { title: 'PREFIXES RECEIVED/SENT, OR LAST ERROR' },
    ],
    write,
  );
  let any = false;
  for await (const session of sessions) {
    any = true;
    await table.row([
      peerText(session),
      session.vrf,
      String(session.remoteAs),
      session.state,
      durationText(now - session.since),
      session.bfd,
      session.state === 'Established' ? prefixesText(session) : lastErrorText(session, now),
    ]);
  }
  await table.end();
  return any;
}

function peerText({ peerAddress, interface: name, ...session }: SessionView): string {
  if (name === undefined) return peerAddress ?? session.name;
  return peerAddress === undefined ? name : `${name} (${peerAddress})`;
}

function prefixesText(session: SessionView): string {
  return session.families
    .map(({ family, received, sent, addPath }) => {
      const several = addPath ? ` (add-path ${addPath})` : '';
      return `${family} ${received}/${sent}${several}`;
    })
    .join('  ');
}

function lastErrorText({ lastError, heldDown }: SessionView, now: number): string {
  if (!lastError) return '-';
  return `${lastError.reason} (${durationText(now - lastError.at)} ago)${heldDownText(heldDown, now)}`;
}

function heldDownText(heldDown: SessionView['heldDown'], now: number): string {
  if (!heldDown) return '';
  return heldDown.until === undefined
    ? '; held down until it is cleared'
    : `; held down for ${durationText(Math.max(0, heldDown.until - now))}`;
}
