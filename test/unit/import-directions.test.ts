import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** What a room of the house may import besides its own files. */
interface Room {
  readonly rooms: readonly string[];
  /** Packages and Node's modules by name; `*`: any. */
  readonly packages: readonly string[];
}

const BGP = ['bgp', 'bgp/session', 'bgp/rib', 'bgp/wire'];

/**
 * The directions of the architecture. `bgp` and `evpn` import no package and no module of Node: sockets, time and
 * randomness are passed in. A folder that is named here is a room of its own inside the other.
 */
const ROOMS: Readonly<Record<string, Room>> = {
  net: { rooms: [], packages: ['node:net'] },
  'bgp/wire': { rooms: ['net'], packages: [] },
  'bgp/session': { rooms: ['bgp/wire', 'net'], packages: [] },
  'bgp/rib': { rooms: ['bgp/wire', 'net'], packages: [] },
  bgp: { rooms: ['bgp/session', 'bgp/rib', 'bgp/wire', 'net'], packages: [] },
  // These have the clock and the timers of BGP's sessions.
  bfd: { rooms: ['bgp/session'], packages: [] },
  discovery: { rooms: ['bgp/session', 'net'], packages: [] },
  evpn: { rooms: [...BGP, 'net'], packages: [] },
  dataplane: {
    rooms: ['net'],
    packages: [
      'koffi',
      'netlink',
      'node:fs',
      'node:module',
      'node:os',
      'node:path',
      'node:timers',
      'node:util',
    ],
  },
  'src/config': {
    rooms: ['net'],
    packages: ['ip-address', 'yaml', 'zod', 'node:fs', 'node:os', 'node:path'],
  },
  src: { rooms: ['src/config', 'bfd', 'discovery', 'evpn', ...BGP, 'dataplane', 'net'], packages: ['*'] },
  bin: { rooms: ['src'], packages: ['node:fs', 'node:module', 'node:path', 'node:url', 'node:vm'] },
};

/** A source file: its path from the top of the repository, with slashes, and its text. */
interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** The innermost room that a path lies in; undefined outside of all. */
function roomOf(path: string, rooms: Readonly<Record<string, Room>>): string | undefined {
  return Object.keys(rooms)
    .filter((room) => path.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** What a file imports: `from '…'`, `import '…'`, `import('…')`, `require('…')`. */
function importsOf(text: string): string[] {
  const code = text.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
  return [...code.matchAll(/\b(?:from|import|require)\s*\(?\s*['"]([^'"\s]+)['"]/g)].map(
    (match) => match[1] ?? '',
  );
}

/** The first part of a package's name, or the module of Node without its subpath. */
function packageName(specifier: string): string {
  return specifier.split('/')[0] ?? specifier;
}

/** A sentence for every import that goes against the rooms' directions. */
function wrongImports(files: readonly SourceFile[], rooms: Readonly<Record<string, Room>>): string[] {
  return files.flatMap(({ path, text }) => {
    const from = roomOf(path, rooms);
    const room = from === undefined ? undefined : rooms[from];
    if (!from || !room) return [`${path} lies in no room`];
    return importsOf(text).flatMap((specifier) => {
      if (!specifier.startsWith('.')) {
        const name = packageName(specifier);
        const allowed = room.packages.includes('*') || room.packages.includes(name);
        return allowed ? [] : [`${path} imports ${name}, which ${from} does not use`];
      }
      const target = posix.normalize(posix.join(posix.dirname(path), specifier));
      const to = roomOf(target, rooms);
      if (to === from || (to !== undefined && room.rooms.includes(to))) return [];
      return [`${path} imports ${target}: ${from} must not import ${to ?? 'from outside the rooms'}`];
    });
  });
}

/** A room that can be reached from itself; undefined when there is none. */
function cycleIn(rooms: Readonly<Record<string, Room>>): string | undefined {
  const reaches = (from: string, goal: string, seen: Set<string>): boolean =>
    (rooms[from]?.rooms ?? []).some((next) => {
      if (next === goal) return true;
      if (seen.has(next)) return false;
      seen.add(next);
      return reaches(next, goal, seen);
    });
  return Object.keys(rooms).find((room) => reaches(room, room, new Set()));
}

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../..');

function sourceFiles(): SourceFile[] {
  const folders = [...new Set(Object.keys(ROOMS).map((room) => room.split('/')[0] ?? room))];
  return folders.flatMap((folder) =>
    readdirSync(join(REPOSITORY, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && (folder === 'bin' || entry.name.endsWith('.ts')))
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return { path: relative(REPOSITORY, path), text: readFileSync(path, 'utf8') };
      }),
  );
}

describe('imports of the sources', () => {
  const files = sourceFiles();

  test('are found', () => {
    const rooms = new Set(files.map(({ path }) => roomOf(path, ROOMS)));
    expect([...rooms].sort()).toEqual(Object.keys(ROOMS).sort());
    expect(files.flatMap(({ text }) => importsOf(text)).length).toBeGreaterThan(100);
  });

  test('go one way only', () => {
    expect(wrongImports(files, ROOMS)).toEqual([]);
  });

  test('cannot form a circle between rooms', () => {
    expect(cycleIn(ROOMS)).toBeUndefined();
  });
});

describe('the checker', () => {
  const good: SourceFile[] = [
    { path: 'bgp/wire/a.ts', text: "import { x } from '../../net/address.ts';\nexport * from './b.ts';" },
    { path: 'src/daemon/run.ts', text: "import type { Y } from '../../evpn/vrf.ts';\nawait import('pino');" },
    {
      path: 'bgp/peer.ts',
      text: "import { s } from './session/fsm.ts';\n// import { no } from '../evpn/x.ts';",
    },
    { path: 'bin/openpe-routerd', text: "import './launch.mjs';\nimport('../src/cli/main.ts');" },
  ];

  test('has nothing against imports in the right direction', () => {
    expect(wrongImports(good, ROOMS)).toEqual([]);
  });

  test.each([
    ['net/a.ts', "import { x } from '../bgp/wire/a.ts';", /net must not import bgp\/wire/],
    [
      'bgp/wire/a.ts',
      "import type { X } from '../session/fsm.ts';",
      /bgp\/wire must not import bgp\/session/,
    ],
    ['bgp/rib/a.ts', "import type { X } from '../session/fsm.ts';", /bgp\/rib must not import bgp\/session/],
    ['bgp/session/a.ts', "export { x } from '../peer.ts';", /bgp\/session must not import bgp$/],
    ['bgp/peer.ts', "const x = await import('../evpn/vrf.ts');", /bgp must not import evpn/],
    ['evpn/a.ts', "import {\n  x,\n} from '../dataplane/plan.ts';", /evpn must not import dataplane/],
    ['dataplane/a.ts', "import '../bgp/peer.ts';", /dataplane must not import bgp/],
    ['src/config/a.ts', "import { x } from '../daemon/run.ts';", /src\/config must not import src$/],
    ['bin/a', "import { x } from '../net/address.ts';", /bin must not import net/],
    ['net/a.ts', "import { x } from '../test/x.ts';", /must not import from outside the rooms/],
    [
      'bgp/session/a.ts',
      "import { connect } from 'node:net';",
      /imports node:net, which bgp\/session does not use/,
    ],
    ['evpn/a.ts', "const k = require('koffi');", /imports koffi, which evpn does not use/],
    ['other/a.ts', '', /lies in no room/],
  ])('finds %s: %s', (path, text, sentence) => {
    const found = wrongImports([...good, { path, text }], ROOMS);
    expect(found.length).toBe(1);
    expect(found[0]).toMatch(sentence);
  });

  test('finds a circle between rooms', () => {
    const circle = { ...ROOMS, net: { rooms: ['evpn'], packages: [] } };
    expect(cycleIn(circle)).toBeDefined();
  });
});
