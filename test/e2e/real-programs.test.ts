import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  begins,
  noteRealProgram,
  Participation,
  testBegins,
  testEnds,
  writeStandIn,
} from '../../e2e/harness/real-programs';
import { report } from '../../e2e/programs';
import { temporaryFolder } from '../support/folder';

let folder: string;
const before = process.env.E2E_PROGRAMS;

beforeEach(() => {
  folder = temporaryFolder();
  process.env.E2E_PROGRAMS = join(folder, 'programs.jsonl');
});

afterEach(() => {
  if (before === undefined) delete process.env.E2E_PROGRAMS;
  else process.env.E2E_PROGRAMS = before;
});

/** A program that says its version where it is asked as the real one is, and otherwise what it was given. */
function program(name: string, question: string, answer: string): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n[ "$1" = ${question} ] && echo '${answer}' && exit 0\necho "given $*"\nexit 3\n`);
  chmodSync(file, 0o755);
  return file;
}

const noted = (): Participation[] =>
  readFileSync(join(folder, 'programs.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Participation);

describe('the programs of a test', () => {
  it('are noted with the versions that they say themselves', () => {
    const server = program('kube-apiserver-1.29', '--version', 'Kubernetes v1.29.15');
    const early = begins(program('etcd', '--version', 'etcd Version: 3.6.8'));
    early();
    testBegins();
    const ends = begins(server);
    ends();
    const kubectl = join(folder, 'kubectl');
    writeStandIn(kubectl, program('kubectl-1.29', 'version', '{"clientVersion": {"gitVersion": "v1.29.4"}}'));
    expect(spawnSync(kubectl, ['get', 'pods'], { encoding: 'utf8' })).toMatchObject({
      status: 3,
      stdout: 'given get pods\n',
    });
    testEnds();
    expect(noted()).toEqual([
      {
        file: 'test/e2e/real-programs.test.ts',
        test: expect.getState().currentTestName,
        programs: ['kube-apiserver v1.29.15', 'kubectl v1.29.4'],
      },
    ]);
  });

  it('are those that run on from before it began', () => {
    const ends = begins(program('kwok', '--version', 'kwok version v0.7.0 go1.26.8 (linux/amd64)'));
    testBegins();
    testEnds();
    ends();
    testBegins();
    testEnds();
    expect(noted().map(({ programs }) => programs)).toEqual([['kwok v0.7.0'], []]);
  });

  it('may be noted by a test itself', () => {
    noteRealProgram(program('dnsmasq', '--version', 'Dnsmasq version 2.90  Copyright (c) 2000-2024 Simon Kelley'));
    expect(noted().map(({ programs }) => programs)).toEqual([['dnsmasq 2.90']]);
  });
});

describe('a program that says another version', () => {
  it('says it in `version` alone, and ends as the real one does', () => {
    const real = program('kubectl', 'version', '{"clientVersion": {"gitVersion": "v1.20.2", "minor": "20"}}');
    const file = join(folder, 'stand-in');
    writeStandIn(file, real, 'v1.29.0');
    expect(spawnSync(file, ['version'], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: '{"clientVersion": {"gitVersion": "v1.29.0", "minor": "20"}}\n',
    });
    expect(spawnSync(file, ['--context=a', 'version'], { encoding: 'utf8' }).status).toBe(3);
    expect(spawnSync(file, ['get', 'v1.20.2'], { encoding: 'utf8' }).stdout).toBe('given get v1.20.2\n');
  });
});

describe('the report', () => {
  const line = (file: string, test: string, ...programs: string[]): Participation => ({ file, test, programs });

  it('names the programs of a file, and for each set of others the tests', () => {
    expect(
      report([
        line('a.ts', 'one', 'etcd 3.6.8', 'kubectl v1.29.4'),
        line('a.ts', 'two', 'etcd 3.6.8', 'helm v4.1.4', 'kubectl v1.29.4'),
        line('b.ts', 'five', 'dnsmasq 2.90'),
        line('a.ts', 'three', 'etcd 3.6.8', 'kubectl v1.29.4'),
        line('a.ts', 'three', 'openssl 3.0.1'),
      ]),
    ).toEqual([
      '',
      'a.ts: etcd 3.6.8, kubectl v1.29.4',
      '  one',
      '  and helm v4.1.4',
      '    two',
      '  and openssl 3.0.1',
      '    three',
      '',
      'b.ts: dnsmasq 2.90',
      '  five',
    ]);
  });
});
