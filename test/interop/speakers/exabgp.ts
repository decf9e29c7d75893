import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonProcess } from '../network/daemon-process.ts';
import { DaemonSpeaker } from './daemon-speaker.ts';
import type { FamilyWord, NeighborSettings, OwnRoute, Speaker, SpeakerSettings } from './speaker.ts';

/** ExaBGP: announces what no router would, and cannot be asked for what it has, only for what came. */
export class ExaBgp extends DaemonSpeaker implements Speaker {
  readonly program = 'ExaBGP';

  async start(): Promise<void> {
    const { namespace, directory } = this.place;
    const file = join(directory, 'exabgp.conf');
    writeFileSync(file, configurationText(this.settings));
    const environment = ['exabgp_daemon_user=root', 'exabgp_api_cli=false', 'exabgp_log_level=DEBUG'];
    const log = join(directory, 'exabgp.log');
    this.process = new DaemonProcess(namespace, log, 'env', ...environment, 'exabgp', file);
    await this.process.answers('ExaBGP', async () => {
      if (!this.#wholeLog().includes('loaded new configuration successfully')) throw new Error('not yet');
    });
  }

  #wholeLog(): string {
    return this.process?.log(Number.MAX_SAFE_INTEGER) ?? '';
  }

  /** The NLRI that came in UPDATEs since the start, in its words: `10.0.0.0/8 next-hop 192.0.2.1`. */
  heard(): readonly string[] {
    return [...this.#wholeLog().matchAll(/UPDATE #\d+ nlri +\( *\d+\) (.*)$/gm)].map(
      ([, text]) => text ?? '',
    );
  }

  established(): Promise<boolean> {
    return this.#cannotBeAsked();
  }

  prefixes(): Promise<ReadonlySet<string>> {
    return this.#cannotBeAsked();
  }

  route(): Promise<undefined> {
    return this.#cannotBeAsked();
  }

  reset(): Promise<void> {
    return this.#cannotBeAsked();
  }

  #cannotBeAsked(): Promise<never> {
    return Promise.reject(new Error('ExaBGP cannot be asked for anything: ask its neighbors'));
  }
}

function configurationText(settings: SpeakerSettings): string {
  return settings.neighbors.map((neighbor) => neighborText(settings, neighbor)).join('');
}

/** As ExaBGP calls the families. */
const FAMILIES: Readonly<Record<FamilyWord, string>> = {
  ipv4: 'ipv4 unicast',
  ipv6: 'ipv6 unicast',
  evpn: 'l2vpn evpn',
  vpn4: 'ipv4 mpls-vpn',
  vpn6: 'ipv6 mpls-vpn',
  labeled4: 'ipv4 nlri-mpls',
  labeled6: 'ipv6 nlri-mpls',
};

function neighborText({ as, routerId, routes }: SpeakerSettings, neighbor: NeighborSettings): string {
  const { families } = neighbor;
  return `neighbor ${neighbor.address} {
  router-id ${routerId};
  local-address ${neighbor.localAddress};
  local-as ${as};
  peer-as ${neighbor.as};
  hold-time 9;
  family { ${families.map((family) => `${FAMILIES[family]};`).join(' ')} }
  static {
${routes.map(routeText).join('')}  }
}
`;
}

function routeText({ prefix, rawAttribute }: OwnRoute): string {
  const attribute = rawAttribute === undefined ? '' : ` attribute [ ${rawAttribute} ]`;
  return `    route ${prefix} next-hop self${attribute};\n`;
}
