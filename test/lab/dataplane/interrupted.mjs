// Runs inside the lab's machine: for every step of building a node, builds up to that step as if the process had died
// there, then does what a new process would do: builds the rest, and cleans up. Prints as JSON, for each step, what
// was left to do afterwards. Arguments as for converge.mjs.
const [repository, configPath, router, host] = process.argv.slice(2);
const load = (path) => import(`${repository}/out/build/${path}`);

const { KernelNetwork } = await load('dataplane/kernel-network.js');
const { cleanup, plan } = await load('dataplane/plan.js');
const { describeStep } = await load('dataplane/plan-step.js');
const { linkNamed } = await load('dataplane/observed.js');
const { formatPrefix } = await load('net/prefix.js');
const { loadConfiguration } = await load('src/config/load-configuration.js');
const { desiredState } = await load('src/node/desired-state.js');

const names = { router, host };
const { configuration } = loadConfiguration(configPath, { nodeIndex: 0 });
const desired = desiredState(configuration, router);

/** Does what `makeSteps` wants as a new process would; `count`: dies after so many steps. */
async function asNewProcess(makeSteps, count) {
  const network = new KernelNetwork(names);
  const { steps, conflicts } = makeSteps(await network.observe());
  const { failures } = await network.apply(steps.slice(0, count));
  network.close();
  return { steps, conflicts, failures };
}

const build = (observed) => plan(desired, observed);
const outcomes = [];
for (let count = 0; ; count++) {
  const { steps } = await asNewProcess(build, count);
  const rest = await asNewProcess(build);
  const again = await asNewProcess(build);
  const undone = await asNewProcess(cleanup);
  const network = new KernelNetwork(names);
  const left = await network.observe();
  network.close();
  const device = linkNamed(left.host, desired.underlayInterfaces[0]);
  outcomes.push({
    last: count === 0 ? 'nothing' : describeStep(steps[count - 1], names),
    problems: [rest, again, undone].flatMap(({ conflicts, failures }) => [...conflicts, ...failures]),
    again: again.steps.length,
    namespaceLeft: left.router !== undefined,
    addresses: device?.addresses.filter(({ global }) => global).map(({ prefix }) => formatPrefix(prefix)),
  });
  if (count >= steps.length) break;
}
console.log(JSON.stringify(outcomes));
