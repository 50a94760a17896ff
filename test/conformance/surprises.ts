/**
 * What surprises a reader who knows newer programs, and how the stand-in of kubectl shows it. Each row looks at the stand-in's own
 * words, so that a comparison that forgives too much cannot hide it.
 */
import { type Json, at, list } from '../stand-ins/json';
import { documents } from './compare';
import type { Verdict } from './replay';

/** What the stand-in answered to a recorded call such as `07:3`. */
export interface Answer {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly effects: readonly string[];
  /** The documents on standard output. */
  readonly json: readonly Json[];
}

export type AnswerTo = (id: string) => Answer;

export function answersOf(verdicts: readonly Verdict[]): AnswerTo {
  const byId = new Map(verdicts.map((verdict) => [verdict.call.id, verdict]));
  return (id) => {
    const verdict = byId.get(id);
    if (verdict?.said === undefined) throw new Error(`The call ${id} was not replayed.`);
    return { ...verdict.said, effects: verdict.effects, json: documents(verdict.said.stdout) ?? [] };
  };
}

export interface Surprise {
  readonly what: string;
  /** Calls that have to be answered as they were recorded. */
  readonly calls: readonly string[];
  /** Calls that print their whole help: only the exit code and the first line have to be as recorded. */
  readonly usage?: readonly string[];
  readonly shows: (said: AnswerTo) => void;
}

const items = (answer: Answer): Json[] => list(at(answer.json[0], 'items'));
const kinds = (answer: Answer): unknown[] => items(answer).map((item) => at(item, 'kind'));

export const SURPRISES: readonly Surprise[] = [
  {
    what: 'documents that begin with { and are joined by --- are refused after the first',
    calls: ['07:2', '07:3', '07:4', '07:5', '07:6', '07:128'],
    shows: (said) => {
      expect(said('07:3').exit).toBe(1);
      expect(kinds(said('07:3'))).toEqual(['ConfigMap']);
      expect(said('07:3').stderr).toBe("error: json: line 1: invalid character '-' in numeric literal\n");
      for (const id of ['07:2', '07:4', '07:5', '07:6']) {
        expect(said(id).exit).toBe(0);
        expect(kinds(said(id))).toEqual(['ConfigMap', 'Namespace']);
      }
      expect(said('07:128').json).toHaveLength(1);
      expect(said('07:128').stderr).toContain('json: line 2: ');
    },
  },
  {
    what: 'get -f answers a List, also for one document, and nothing where nothing is found',
    calls: ['07:7', '07:8', '07:10', '07:11', '07:13'],
    shows: (said) => {
      expect(at(said('07:7').json[0], 'kind')).toBe('List');
      expect(at(said('07:7').json[0], 'metadata')).toEqual({ resourceVersion: '', selfLink: '' });
      expect(kinds(said('07:8'))).toEqual(['ConfigMap']);
      expect(said('07:11').stdout).toBe('');
    },
  },
  {
    what: 'cluster-scoped objects carry an empty namespace in lists and by file, and none by name',
    calls: ['07:12', '10:1', '10:31', '10:46'],
    shows: (said) => {
      expect(at(items(said('07:12'))[0], 'metadata', 'namespace')).toBe('');
      expect(at(items(said('10:1'))[0], 'metadata', 'namespace')).toBe('');
      expect(at(said('10:31').json[0], 'metadata', 'namespace')).toBeUndefined();
    },
  },
  {
    what: 'apply notes an empty namespace of cluster-scoped objects',
    calls: ['07:59'],
    shows: (said) => {
      const key = 'kubectl.kubernetes.io/last-applied-configuration';
      const noted = at(said('07:59').json[0], 'metadata', 'annotations', key);
      expect(noted).toContain('"namespace":""');
    },
  },
  {
    what: 'apply says configured of an unchanged object',
    calls: ['07:49'],
    shows: (said) => {
      expect(said('07:49').stdout).toBe('deployment "d" configured\n');
      expect(said('07:49').effects).toEqual([]);
    },
  },
  {
    what: 'objects are named deployment "d", and in the plural with -o name',
    calls: ['07:48', '08:9'],
    shows: (said) => {
      expect(said('07:48').stdout).toBe('deployment "d" created\n');
      expect(said('08:9').stdout).toMatch(/^clusterroles\/admin\n/);
    },
  },
  {
    what: 'custom resources carry nulls and empty texts',
    calls: ['10:44', '10:45'],
    shows: (said) => {
      expect(at(said('10:45').json[0], 'metadata')).toMatchObject({
        clusterName: '',
        deletionGracePeriodSeconds: null,
        deletionTimestamp: null,
        generation: 0,
      });
    },
  },
  {
    what: 'get -f of a version that is not served answers with one of the group that is',
    calls: ['10:8', '10:9', '10:14', '10:82', '07:39', '07:224', '07:225'],
    shows: (said) => {
      expect(at(items(said('07:225'))[0], 'apiVersion')).toBe('apps/v1beta1');
      expect(at(items(said('07:224'))[0], 'apiVersion')).toBe('rbac.authorization.k8s.io/v1beta1');
      expect(said('07:39')).toMatchObject({ exit: 0, stdout: '' });
      expect(said('10:82').stderr).toBe('error: unable to recognize "STDIN": no matches for apps/, Kind=Deployment\n');
      expect(said('10:8').stderr).toBe('the server doesn\'t have a resource type "deployments" in group "v1.apps"\n');
    },
  },
  {
    what: 'apply has three wordings for what is not served',
    calls: ['07:40', '07:41', '07:42', '07:38'],
    shows: (said) => {
      expect(said('07:40').stderr).toContain('no kind "Deployment" is registered for version "apps/v1"');
      expect(said('07:41').stderr).toContain('unknown object type schema.GroupVersionKind{Group:"apps"');
      expect(said('07:42').stderr).toContain('unknown object type schema.GroupVersionKind{Group:"rbac');
    },
  },
  {
    what: 'an unknown kind is an error with --ignore-not-found too, beside what is found',
    calls: ['07:35', '07:37', '07:68'],
    shows: (said) => {
      for (const id of ['07:35', '07:37', '07:68']) {
        expect(said(id).exit).toBe(1);
        expect(said(id).stderr).toContain('no matches for etcd.database.coreos.com/, Kind=EtcdCluster');
      }
      expect(kinds(said('07:37'))).toEqual(['ConfigMap']);
    },
  },
  {
    what: 'a definition that was just made is not served yet',
    calls: ['11:12', '11:14'],
    shows: (said) => {
      expect(said('11:12')).toMatchObject({ exit: 1, effects: [] });
      expect(said('11:12').stderr).toContain('the server could not find the requested resource (post etcdclusters.');
    },
  },
  {
    what: 'in a namespace that is not there, a list is empty, and one object is the namespace that is missing',
    calls: ['07:20', '07:21', '07:22'],
    shows: (said) => {
      expect(items(said('07:20'))).toEqual([]);
      expect(said('07:21').stderr).toBe('Error from server (NotFound): namespaces "no-such" not found\n');
      expect(said('07:22').stderr).toContain('error when creating "STDIN": namespaces "no-such" not found');
    },
  },
  {
    what: 'delete returns at once, and takes a Deployment down by itself first',
    calls: ['07:107', '07:108', '07:183', '07:184'],
    shows: (said) => {
      expect(at(said('07:108').json[0], 'status', 'phase')).toBe('Terminating');
      expect(said('07:184').effects).toEqual(['update usa deployments rec/five', 'delete usa deployments rec/five']);
    },
  },
  {
    what: 'a namespace that ends can be neither deleted nor made, and takes nothing new',
    calls: ['07:109', '07:110', '07:111', '07:112'],
    shows: (said) => {
      expect(said('07:109').stderr).toMatch(/^Error from server \(Conflict\): /);
      expect(said('07:112').stderr).toMatch(/^Error from server \(AlreadyExists\): object is being deleted: /);
      expect(said('07:110').stderr).toMatch(/because it is being terminated\.\n$/);
    },
  },
  {
    what: 'there is no wait, diff, api-resources, --server-side, --wait and --dry-run=server',
    calls: ['07:150', '07:158', '07:159'],
    usage: ['07:160', '07:161', '07:162', '07:163', '07:164', '07:226'],
    shows: (said) => {
      expect(said('07:158').stderr).toMatch(/^Error: unknown command "wait" for "kubectl"\n/);
    },
  },
  {
    what: 'label without a change fails without --overwrite',
    calls: ['07:70', '07:71', '07:73', '07:77', '11:9'],
    shows: (said) => {
      expect(said('07:70').exit).toBe(1);
      expect(said('07:73')).toMatchObject({ exit: 0, stdout: 'node "usa-worker" not labeled\n' });
      expect(said('07:77').exit).toBe(0);
    },
  },
  {
    what: 'patch without effect says not patched',
    calls: ['07:80', '07:84', '07:86', '07:87', '07:92', '07:94'],
    shows: (said) => {
      expect(said('07:80')).toMatchObject({ exit: 0, stdout: 'configmap "new" not patched\n', effects: [] });
    },
  },
  {
    what: 'a patch that cannot be done has no reason',
    calls: ['07:83', '07:89', '07:90'],
    shows: (said) => {
      expect(said('07:83').stderr).toBe('Error from server: Invalid JSON Patch\n');
      expect(said('07:89').stderr).toBe('Error from server: Testing value /metadata/resourceVersion failed\n');
    },
  },
  {
    what: 'one node port for UDP and TCP: create takes it, a patch is refused, an update ends the API server',
    calls: ['07:100', '07:103', '07:165', '07:217', '07:218', '07:219', '07:220', '07:221', '07:222'],
    shows: (said) => {
      expect(said('07:100').exit).toBe(0);
      expect(said('07:103').stderr).toContain('spec.ports[1].nodePort: Invalid value: 32004: provided port is already');
      for (const id of ['07:218', '07:221']) {
        expect(said(id)).toMatchObject({ exit: 1, effects: [] });
        expect(said(id).stderr).toContain('unexpected EOF');
      }
      expect(said('07:165').exit).toBe(0);
    },
  },
  {
    what: 'the Service of the chart has equal node ports for UDP and TCP, and a third port',
    calls: ['11:25', '11:26'],
    shows: (said) => {
      const ports = list(at(said('11:26').json[0], 'spec', 'ports'));
      expect(ports.map((port) => at(port, 'port'))).toEqual([53, 53, 9153]);
      expect(at(ports[0], 'nodePort')).toBe(at(ports[1], 'nodePort'));
      expect(at(ports[2], 'nodePort')).not.toBe(at(ports[0], 'nodePort'));
    },
  },
  {
    what: 'a refusal names the user and not what is forbidden',
    calls: ['07:131', '07:132'],
    shows: (said) => {
      expect(said('07:131').stderr).toBe(
        'Error from server (Forbidden): User "system:serviceaccount:rec:default" cannot list configmaps in the namespace "rec". (get configmaps)\n',
      );
    },
  },
  {
    what: 'auth can-i ends with 0 on no, and says yes to an unknown resource',
    calls: ['07:121', '07:122', '07:123', '07:124'],
    shows: (said) => {
      expect(said('07:123')).toMatchObject({ exit: 0, stdout: 'no\n' });
      expect(said('07:124')).toMatchObject({ exit: 1, stdout: '' });
      expect(said('07:122')).toMatchObject({ exit: 0, stdout: 'yes\n' });
    },
  },
  {
    what: 'several reviews are answered one after another, without a List',
    calls: ['07:125', '07:126', '07:127', '07:129'],
    shows: (said) => {
      expect(said('07:126').json).toHaveLength(2);
      expect(said('07:127').json).toHaveLength(2);
      expect(at(said('07:129').json[0], 'status', 'allowed')).toBe(false);
    },
  },
  {
    what: 'config view --minify does not heed --context',
    calls: ['07:134', '07:135', '07:136', '07:138'],
    shows: (said) => {
      expect(at(said('07:136').json[0], 'current-context')).toBe('fcp');
      expect(said('07:138').stderr).toBe('error: cannot locate user extra\n');
    },
  },
  {
    what: 'kubectl 1.8 has a proxy, which starts with the server down; an unknown group is a text, a Table 406, and no limit heeded',
    calls: [
      '07:188',
      '07:189',
      '07:198',
      '07:203',
      '07:204',
      '07:206',
      '07:210',
      '07:214',
      '07:215',
      '07:216',
      '07:227',
    ],
    shows: (said) => {
      expect(said('07:215').stdout).toMatch(/^Starting to serve on /);
      expect(said('07:216').stdout).toMatch(/^HTTP\/1\.1 502 /);
      expect(said('07:203').stdout).toMatch(/^HTTP\/1\.1 404 .*\n\n404 page not found\n$/s);
      expect(said('07:204').json).toMatchObject([{ kind: 'Status', code: 404 }]);
      expect(said('07:206').stdout).toMatch(/^HTTP\/1\.1 406 /);
      expect(said('07:210').stdout).toMatch(
        /\nContent-Type: text\/plain\n.*\n\nUser "[^"]+" cannot get configmaps in /s,
      );
      expect(items(said('07:227')).length).toBeGreaterThan(1);
    },
  },
  {
    what: 'run -i is attached late: the log is shown, or nothing, or the log once more',
    calls: ['03:31', '04:57', '04:58', '04:59', '07:173', '07:174', '07:175', '11:17', '11:65'],
    shows: (said) => {
      expect(said('07:174').stderr).toContain('Error attaching, falling back to logs: ');
      expect(said('04:58')).toMatchObject({ exit: 0, stdout: '', stderr: '' });
      expect(said('07:175')).toMatchObject({ exit: 4, stdout: 'failing\nfailing\n' });
    },
  },
  {
    what: 'the federation serves three versions, and never says that it observed a generation',
    calls: ['10:70', '10:76', '10:84'],
    shows: (said) => {
      expect(said('10:76').stdout).toBe('extensions/v1beta1\nfederation/v1beta1\nv1\n');
      expect(said('10:84').stdout).toBe('Waiting for deployment spec update to be observed...\n');
    },
  },
  {
    what: 'delete of a federated Deployment gives up, and leaves it paused with no replicas in the members',
    calls: ['05:1', '05:2', '05:4', '05:5', '05:6', '05:8', '05:9'],
    shows: (said) => {
      expect(said('05:1').exit).toBe(1);
      expect(said('05:1').stderr).toContain('error when stopping ');
      for (const id of ['05:2', '05:4', '05:5', '05:6']) {
        expect(at(items(said(id))[0], 'spec')).toMatchObject({ replicas: 0, paused: true });
      }
      expect(said('05:8').exit).toBe(0);
    },
  },
  {
    what: 'a namespace deleted in the federation ends there after it is gone in the members',
    calls: ['05:17', '05:18', '05:19', '05:20', '05:21'],
    shows: (said) => {
      expect(at(said('05:18').json[0], 'status', 'phase')).toBe('Terminating');
      expect(said('05:20').stdout).toBe('');
    },
  },
  {
    what: "dnsmasq does not take the guide's colon before the port, and names are not found",
    calls: ['11:53', '11:68'],
    shows: (said) => {
      expect(said('11:68').stdout).toContain("nslookup: can't resolve ");
    },
  },
];
