import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Federation, synth } from '../../lib';
import { temporaryFolder } from './folder';
import { guideProps, ROOT } from './guide';

/** What a program said, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A main.ts that declares the guide's federation, whatever the project's own declares by now. */
const GUIDE_MAIN = `import { Federation } from './lib';
import { synthMain } from './scripts/synth';

export const topology = (): Federation => new Federation(${inspect(guideProps(), { depth: null, breakLength: 120 })});

if (require.main === module) process.exitCode = synthMain(topology, process.argv.slice(2));
`;

/**
 * A copy of the project for tests that run its programs as a user would, from the folder that it is in. Its topology is
 * the guide's, rendered, and not what the user has put into main.ts.
 */
export class Project {
  readonly folder = temporaryFolder();
  readonly dist = join(this.folder, 'dist');

  constructor() {
    for (const part of ['lib', 'scripts', 'imports', 'package.json', 'tsconfig.json', 'cdk8s.yaml']) {
      cpSync(join(ROOT, part), join(this.folder, part), { recursive: true, preserveTimestamps: true });
    }
    this.declare(GUIDE_MAIN);
    synth(new Federation(guideProps()), this.dist);
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** Replaces main.ts. */
  declare(text: string): void {
    writeFileSync(join(this.folder, 'main.ts'), text);
  }

  /** Changes a text of main.ts that stands there once. */
  edit(from: string, to: string): void {
    const file = join(this.folder, 'main.ts');
    const text = readFileSync(file, 'utf8');
    if (text.split(from).length !== 2) throw new Error(`main.ts does not say '${from}' once`);
    writeFileSync(file, text.replace(from, to));
  }

  /** `npm run <script> -- <args>`, without npm: the script is what package.json says. */
  npmRun(script: string, ...args: string[]): Ended {
    const { scripts } = JSON.parse(readFileSync(join(this.folder, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const [program = '', ...words] = (scripts[script] ?? '').split(' ');
    return this.run(program, ...words, ...args);
  }

  /** A program of node_modules/.bin, or node itself. */
  run(program: string, ...args: string[]): Ended {
    return this.start(program === 'node' ? process.execPath : join(this.folder, 'node_modules/.bin', program), args);
  }

  /** A command line as a user types it: `npx ts-node main.ts`. */
  type(line: string): Ended {
    return this.start('bash', ['-c', line]);
  }

  private start(file: string, args: readonly string[]): Ended {
    const { status, stdout, stderr } = spawnSync(file, args, {
      cwd: this.folder,
      encoding: 'utf8',
      // Neither cdk8s nor npm looks for a newer version of itself, and npx takes what is installed.
      env: {
        ...process.env,
        CDK8S_CHECK_UPGRADE: 'false',
        NODE_OPTIONS: '',
        npm_config_offline: 'true',
        npm_config_update_notifier: 'false',
      },
    });
    return { code: status, stdout, stderr };
  }
}
