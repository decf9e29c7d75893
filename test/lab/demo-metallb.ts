import { tellMetalLbStory } from './demo/metallb-story.ts';
import { Narrator } from './demo/narrator.ts';
import { Lab } from './lab.ts';
import { chooseRouter } from './router/router-choice.ts';
import { announce } from './topology/node.ts';

/** What the shell of `KEEP=1` starts with. */
const SHELL_START = `export PS1='lab# ' PATH=/run/bin:$PATH
cat <<'END'

A shell in the lab, as root. Namespaces:
  fabric   spine leafA leafB leafkind sw hostA_red hostA_blue hostB_red hostB_blue
  nodes    node1 (host) pe1 (router), node2 pe2
Try:
  ip netns exec hostA_red curl http://172.30.0.10/
  vtysh -N leafA -c 'show bgp vrf red ipv4 unicast'        (also spine, leafB, leafkind, node1, node2)
  ip -n pe1 route show vrf red
  openpe-routerctl sessions --control /run/openpe/node1.sock
Leave with "exit": the lab is gone then, and nothing of it stays on this machine.

END
cd /run
`;

/** Plays the demo; gives the exit code. */
async function main(): Promise<number> {
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const keep = process.env.KEEP === '1';
  if (keep && !process.stdin.isTTY) {
    print('KEEP=1 needs a terminal');
    return 2;
  }
  const narrator = new Narrator(print);
  narrator.title('The lab');
  const lab = await Lab.start({
    repository: process.cwd(),
    router: chooseRouter(),
    terminal: keep,
    log: (line) => narrator.say(line),
  });
  const interrupted = (): void => {
    lab.stop().finally(() => process.exit(130));
  };
  let seconds = '';
  process.on('SIGINT', interrupted);
  try {
    await tellMetalLbStory(lab, narrator);
    seconds = narrator.seconds.toFixed(0);
    if (keep) {
      await lab.machine.run(announce(lab.nodes[0]));
      narrator.say('node1 announces the service again');
      // From here on Ctrl-C is the shell's.
      process.off('SIGINT', interrupted).on('SIGINT', () => undefined);
      await lab.machine.shell(SHELL_START);
    }
  } finally {
    await lab.stop();
  }
  print('');
  if (narrator.unexpected === 0) {
    print(`All steps were as expected (${seconds} s).`);
    return 0;
  }
  print(`${narrator.unexpected} steps were not as expected.`);
  return 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
