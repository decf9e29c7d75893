import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Bundle } from './bundle.mjs';

const OLDEST_NODE = [20, 19];
const EXIT_UNUSABLE = 2;

/** Runs `main(arguments)` of a program in dist/ and makes its result the exit code. */
export async function launch(program) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    refuse(
      program,
      `Node.js ${process.versions.node} is too old: version ${OLDEST_NODE.join('.')} or later is needed.`,
    );
    return;
  }
  const bundle = new Bundle(fileURLToPath(new URL('../dist', import.meta.url)));
  if (!existsSync(bundle.pathOf(program))) {
    refuse(program, 'not built yet: run "npm ci && npm run build" in the directory of the project first.');
    return;
  }
  // Whoever reads the output may stop reading, as head does.
  process.stdout.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const { main } = bundle.load(program);
  const exitCode = await main(process.argv.slice(2));
  // A command that writes on after main() sets the exit code itself.
  if (exitCode !== 0) process.exitCode = exitCode;
}

function refuse(program, reason) {
  process.stderr.write(`${program}: ${reason}\n`);
  process.exitCode = EXIT_UNUSABLE;
}
