import { afterEach, describe, expect, it } from 'vitest';
import { tellMetalLbStory } from './demo/metallb-story.ts';
import { Narrator } from './demo/narrator.ts';
import { Lab } from './lab.ts';
import { openpeRouter, type ResourceApi } from './router/openpe-router.ts';

/** Names, kinds and addresses of the router's links, and its routes: all that the resources decide. */
async function kernelOf(lab: Lab, namespace: string): Promise<string[]> {
  const links = await lab.machine.run(`ip -n ${namespace} -j -d link show`);
  const names = (JSON.parse(links) as ReadonlyArray<{ ifname: string; mtu: number; linkinfo?: unknown }>)
    .filter(({ linkinfo }) => linkinfo !== undefined)
    .map(({ ifname, mtu }) => `${ifname} mtu ${mtu}`);
  const addresses = await lab.machine.run(
    `ip -n ${namespace} -4 -o address show | awk '{ print $2, $4 }'; ip -n ${namespace} -4 route show table all | sed -E 's/ nhid [0-9]+//'`,
  );
  return [...names, ...addresses.trim().split('\n')].sort();
}

describe('the demo', () => {
  const labs: Lab[] = [];
  const kernels = new Map<ResourceApi, string[]>();

  afterEach(async () => {
    for (const lab of labs.splice(0)) await lab.stop();
  });

  it.each<ResourceApi>(['current', 'first-api'])(
    'goes as told with the resources of the %s API',
    async (api) => {
      const lines: string[] = [];
      const lab = await Lab.start({ repository: process.cwd(), router: openpeRouter(api) });
      labs.push(lab);
      const narrator = new Narrator((line) => lines.push(line));
      await tellMetalLbStory(lab, narrator);
      expect(narrator.unexpected, lines.join('\n')).toBe(0);
      expect(lines.join('\n')).toMatch(/hello from node1[\s\S]*Connection timed out/);
      kernels.set(api, await kernelOf(lab, 'pe1'));
    },
  );

  it('comes to the same kernel in both APIs', () => {
    expect(kernels.get('current')).toContainEqual(expect.stringMatching(/^br-pe-100 mtu /));
    expect(kernels.get('first-api')).toEqual(kernels.get('current'));
  });
});
