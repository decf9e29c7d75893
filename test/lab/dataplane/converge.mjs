// Runs inside the lab's machine: brings the kernel to what a configuration wants, once, and prints what that took
// as JSON. Arguments: repository, configuration, namespace of the router, namespace of the host, and
// "cleanup" to undo everything instead.
const [repository, configPath, router, host, verb] = process.argv.slice(2);
const load = (path) => import(`${repository}/out/build/${path}`);

const { KernelNetwork } = await load('dataplane/kernel-network.js');
const { cleanup, plan } = await load('dataplane/plan.js');
const { describeStep } = await load('dataplane/plan-step.js');
const { routerMacOf, tableOf } = await load('dataplane/observed.js');
const { formatOctets } = await load('net/mac.js');
const { loadConfiguration } = await load('src/config/load-configuration.js');
const { desiredState } = await load('src/node/desired-state.js');

const { configuration } = loadConfiguration(configPath, { nodeIndex: 0 });
const names = { router, host };
const network = new KernelNetwork(names);
const before = await network.observe();
const { steps, conflicts } =
  verb === 'cleanup' ? cleanup(before) : plan(desiredState(configuration, router), before);
const { performed, failures, skipped } = await network.apply(steps);
const after = await network.observe();
network.close();
const mac = routerMacOf(after, 100);
console.log(
  JSON.stringify({
    steps: steps.map((step) => describeStep(step, names)),
    performed: performed.length,
    conflicts,
    failures,
    skipped: skipped.length,
    routerMac: mac && formatOctets(mac),
    table: tableOf(after, 'red'),
  }),
);
