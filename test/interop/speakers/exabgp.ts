import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonProcess } from '../network/daemon-process.ts';
import type { NeighborSettings, OwnRoute, Speaker, SpeakerPlace, SpeakerSettings } from './speaker.ts';

/** ExaBGP: announces what no router would, and shows nothing of what it hears. */
export class ExaBgp implements Speaker {
  readonly program = 'ExaBGP';
  readonly #place: SpeakerPlace;
  readonly #settings: SpeakerSettings;
  #process: DaemonProcess | undefined;

  constructor(place: SpeakerPlace, settings: SpeakerSettings) {
    this.#place = place;
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const { namespace, directory } = this.#place;
    const file = join(directory, 'exabgp.conf');
    writeFileSync(file, configurationText(this.#settings));
    const environment = ['exabgp_daemon_user=root', 'exabgp_api_cli=false'];
    const log = join(directory, 'exabgp.log');
    this.#process = new DaemonProcess(namespace, log, 'env', ...environment, 'exabgp', file);
    await this.#process.answers('ExaBGP', async () => {
      if (!this.log().includes('loaded new configuration successfully')) throw new Error('not yet');
    });
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  freeze(): void {
    this.#process?.freeze();
  }

  log(): string {
    return this.#process?.log() ?? '';
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

function neighborText({ as, routerId, routes }: SpeakerSettings, neighbor: NeighborSettings): string {
  return `neighbor ${neighbor.address} {
  router-id ${routerId};
  local-address ${neighbor.localAddress};
  local-as ${as};
  peer-as ${neighbor.as};
  hold-time 9;
  family { ipv4 unicast; }
  static {
${routes.map(routeText).join('')}  }
}
`;
}

function routeText({ prefix, rawAttribute }: OwnRoute): string {
  const attribute = rawAttribute === undefined ? '' : ` attribute [ ${rawAttribute} ]`;
  return `    route ${prefix} next-hop self${attribute};\n`;
}
