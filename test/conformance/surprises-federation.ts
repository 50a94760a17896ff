/** What surprises about kubefed, helm and the federation, and how their stand-ins show it. */
import { type Json, at, list, text } from '../stand-ins/json';
import type { Answer, Surprise } from './surprises';

const DEPRECATED =
  'Flag --secret-name has been deprecated, kubefed now generates a secret name, and this flag will be removed in a future release.\n';
const THERE_ALREADY = 'error: service account already exists in joining cluster\n';

const data = (answer: Answer): Json | undefined => at(answer.json[0], 'data');
export const SURPRISES_OF_THE_FEDERATION: readonly Surprise[] = [
  {
    what: 'kubefed init again stops at the namespace, whatever the first came to',
    calls: ['08:26', '08:35', '08:36'],
    shows: (said) => {
      for (const id of ['08:26', '08:35']) {
        expect(said(id).exit).toBe(1);
        expect(said(id).stderr).toBe(
          'Error from server (AlreadyExists): namespaces "federation-system" already exists\n',
        );
      }
    },
  },
  {
    what: 'kubefed join with a wrong or unknown federation context leaves things behind that stop each later join',
    calls: ['08:56', '08:59', '08:61', '08:64', '08:65', '08:66', '08:69', '08:76'],
    shows: (said) => {
      expect(said('08:56').stderr).toContain('context was not found for specified context: nowhere');
      expect(said('08:66').stderr).toContain('server does not support API version "federation/v1beta1"');
      expect(said('08:76').stderr).toBe(DEPRECATED + THERE_ALREADY);
      const names = list(at(said('08:69').json[0], 'items')).map((item) => text(at(item, 'metadata', 'name')));
      expect(names).toEqual(expect.arrayContaining([expect.stringMatching(/^chn-[a-z0-9]{5}$/)]));
      const left = list(at(said('08:61').json[0], 'items')).map((item) => text(at(item, 'metadata', 'name')));
      expect(left).toContain('usa-fcp');
      const role = 'federation-controller-manager:federation-usa-fcp';
      for (const id of ['08:64', '08:65']) expect(at(said(id).json[0], 'metadata', 'name')).toBe(role);
    },
  },
  {
    what: '--secret-name is deprecated, and works',
    calls: ['08:117'],
    shows: (said) => {
      expect(said('08:117')).toMatchObject({ exit: 0, stdout: 'cluster "chn" created\n', stderr: DEPRECATED });
    },
  },
  {
    what: 'kubefed join writes a dotted stub domain into a ConfigMap that it makes, and none into one that is there',
    calls: ['08:104', '08:123'],
    shows: (said) => {
      expect(data(said('08:104'))).toEqual({
        federations: 'federation=example.com',
        stubDomains: '{"corp.example":["10.0.0.53"]}',
      });
      expect(text(at(data(said('08:123')), 'stubDomains'))).toMatch(/^\{"example\.com\.":\["[^"]+"\]\}$/);
    },
  },
  {
    what: "kubefed unjoin takes all stub domains away, the user's too",
    calls: ['08:147'],
    shows: (said) => {
      expect(data(said('08:147'))).toEqual({ federations: '' });
    },
  },
  {
    what: 'kubefed unjoin of an unknown member ends with 0, and with an unknown cluster context takes the member out and ends with 1',
    calls: ['08:149', '08:150', '08:151', '08:152', '08:153'],
    shows: (said) => {
      for (const id of ['08:149', '08:150']) {
        expect(said(id).exit).toBe(0);
        expect(said(id).stderr).toMatch(/^WARNING: /);
      }
      expect(said('08:151').exit).toBe(1);
      expect(list(at(said('08:152').json[0], 'items')).map((item) => at(item, 'metadata', 'name'))).toEqual(['fcp']);
    },
  },
  {
    what: 'a port taken out of a federated Service stays in the members, and nothing more is done until they are mended',
    // That the controller manager ends at each start is in kubefed.test.ts: the recorded clusters have no kubelet to say so.
    calls: ['12:4', '12:5', '12:6', '12:7', '12:9', '12:10', '12:11', '12:12', '12:13', '12:14', '12:15'],
    shows: (said) => {
      expect(list(at(said('12:5').json[0], 'spec', 'ports'))).toHaveLength(1);
      expect(list(at(said('12:6').json[0], 'spec', 'ports'))).toHaveLength(2);
      for (const id of ['12:13', '12:14', '12:15']) expect(said(id)).toMatchObject({ exit: 0, stdout: '' });
    },
  },
  {
    what: "the federation forgets its members with its API server's pod, and they cannot join again before they are cleared",
    calls: ['12:19', '12:20', '12:21', '12:22', '12:23', '12:24', '12:25'],
    shows: (said) => {
      expect(said('12:21')).toMatchObject({ exit: 0, stderr: 'No resources found.\n' });
      for (const id of ['12:23', '12:24']) expect(said(id)).toMatchObject({ exit: 1, stderr: THERE_ALREADY });
    },
  },
  {
    what: 'helm does not find Tiller, finds it not ready, and waits for it at version',
    calls: ['09:2', '09:3', '09:4', '09:5', '11:23'],
    shows: (said) => {
      expect(said('09:3')).toMatchObject({ exit: 1, stderr: 'Error: could not find tiller\n' });
      expect(said('11:23')).toMatchObject({ exit: 1, stderr: 'Error: could not find a ready tiller pod\n' });
      for (const id of ['09:2', '09:4']) {
        expect(said(id)).toMatchObject({ exit: 1, stderr: 'Error: cannot connect to Tiller\n' });
        expect(said(id).stdout).toMatch(/^Client: /);
      }
    },
  },
  {
    what: 'helm 2.7.2 has no --output for list',
    calls: ['09:24', '09:25'],
    shows: (said) => {
      expect(said('09:25')).toMatchObject({ exit: 1, stdout: '', stderr: 'Error: unknown flag: --output\n' });
    },
  },
  {
    what: 'helm 2.7.2 does not upgrade a release whose first install failed, and lists more than one revision of a release',
    calls: ['09:29', '09:62', '09:64', '09:67'],
    shows: (said) => {
      expect(said('09:64')).toMatchObject({
        exit: 1,
        stderr: 'Error: UPGRADE FAILED: "other" has no deployed releases\n',
      });
      expect(said('09:67').stdout.match(/^coredns\s/gm)).toHaveLength(2);
    },
  },
];
