import type { Command } from 'commander';
import {
  addConfigurationOptions,
  configurationOptions,
  type RawConfigurationOptions,
} from './run-options.ts';

const AFTER_HELP = `
Exit code: 0 the configuration is good, 1 a resource is bad or not supported, 2 nothing can be used.

Examples:
  openpe-routerd check --config /etc/openpe-routerd
  openpe-routerd check --config openpe.yaml --node-index 3 --node-labels rack=a,zone=1
  openpe-routerd check --config openpe.yaml --json | jq '.findings[].message'
`;

/** Adds `check`; `finish` is given its exit code. */
export function registerCheckCommand(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('check')
    .description('say what is wrong with a configuration, and change nothing')
    .addHelpText('after', AFTER_HELP);
  addConfigurationOptions(command)
    .option('--json', 'print the verdict as JSON')
    .action(async (raw: RawConfigurationOptions & { json?: boolean }) => {
      const [{ loadConfiguration }, { readConfigurationFile }, report] = await Promise.all([
        import('../config/load-configuration.ts'),
        import('../config/source-files.ts'),
        import('./check-report.ts'),
      ]);
      const { configPath, ...node } = configurationOptions(raw);
      const result = loadConfiguration(configPath, node);
      const text = raw.json
        ? `${JSON.stringify(report.reportAsJson(result), null, 2)}\n`
        : report.formatReport(result, {
            color: wantsColor(),
            sourceLine: sourceLines(readConfigurationFile),
          });
      await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
      finish(report.EXIT_CODES[report.verdictOf(result)]);
    });
}

/** https://no-color.org */
function wantsColor(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR;
}

type FileReader = (path: string) => { readonly text: string } | { readonly problem: object };

/** Reads each file once; what cannot be read has no lines. */
function sourceLines(readFile: FileReader): (file: string, line: number) => string | undefined {
  const files = new Map<string, readonly string[]>();
  return (file, line) => {
    let lines = files.get(file);
    if (!lines) {
      const content = readFile(file);
      lines = 'text' in content ? content.text.split(/\r?\n/) : [];
      files.set(file, lines);
    }
    return lines[line - 1];
  };
}
