import type { DaemonProcess } from '../network/daemon-process.ts';
import type { SpeakerPlace, SpeakerSettings } from './speaker.ts';

/** What speakers that are one process have in common. */
export abstract class DaemonSpeaker {
  protected readonly place: SpeakerPlace;
  protected readonly settings: SpeakerSettings;
  /** Undefined before its start. */
  protected process: DaemonProcess | undefined;

  constructor(place: SpeakerPlace, settings: SpeakerSettings) {
    this.place = place;
    this.settings = settings;
  }

  async stop(): Promise<void> {
    await this.process?.stop();
  }

  async kill(): Promise<void> {
    await this.process?.kill();
  }

  freeze(): void {
    this.process?.freeze();
  }

  log(): string {
    return this.process?.log() ?? '';
  }
}
