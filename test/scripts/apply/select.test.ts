import fc from '../../support/fast-check';
import { closure } from '../../support/plans';
import { select, Selection, SelectionError } from '../../../scripts/apply/select';
import { Step } from '../../../lib/plan/step';
import { labelNodes, planOf } from './support';

const STEPS: Step[] = [
  labelNodes('fcp/region', { component: 'regions' }),
  labelNodes('usa/region', { component: 'regions' }),
  labelNodes('fcp/etcd-operator', { component: 'etcd', needs: ['fcp/region'] }),
  labelNodes('fcp/etcd-cluster', { component: 'etcd', needs: ['fcp/etcd-operator'] }),
  labelNodes('federation/namespaces', { component: 'workloads', needs: ['fcp/etcd-cluster', 'usa/region'] }),
  labelNodes('usa/addresses', { component: 'keepalived' }),
];
const PLAN = planOf(STEPS);
const ALL = STEPS.map(({ id }) => id);

const chosen = (selection: Selection): string[] => select(PLAN, selection).map(({ id }) => id);

describe('select', () => {
  it.each<[string, Selection, string[]]>([
    ['everything by default', {}, ALL],
    ['the steps of a cluster', { cluster: ['usa'] }, ['usa/region', 'usa/addresses']],
    [
      'the steps of several, in the plan’s order',
      { cluster: ['usa', 'fcp'] },
      ['fcp/region', 'usa/region', 'fcp/etcd-operator', 'fcp/etcd-cluster', 'usa/addresses'],
    ],
    ['the federation’s own steps', { cluster: ['federation'] }, ['federation/namespaces']],
    ['a component', { only: ['etcd'] }, ['fcp/etcd-operator', 'fcp/etcd-cluster']],
    ['a step by its id', { only: ['usa/region'] }, ['usa/region']],
    ['a step by its name, in every cluster', { only: ['region'] }, ['fcp/region', 'usa/region']],
    ['several of them', { only: ['keepalived', 'fcp/region'] }, ['fcp/region', 'usa/addresses']],
    ['a step of one cluster', { cluster: ['usa'], only: ['regions'] }, ['usa/region']],
    ['nothing, where no step is both', { cluster: ['usa'], only: ['etcd'] }, []],
    [
      'a step and all that need it, directly or not',
      { from: 'fcp/etcd-operator' },
      ['fcp/etcd-operator', 'fcp/etcd-cluster', 'federation/namespaces'],
    ],
    ['steps from a name that several have', { from: 'region' }, ALL.slice(0, -1)],
    ['steps from a component', { from: 'etcd' }, ['fcp/etcd-operator', 'fcp/etcd-cluster', 'federation/namespaces']],
    [
      'later steps through those that are not chosen themselves',
      { from: 'usa/region', cluster: ['federation'] },
      ['federation/namespaces'],
    ],
    [
      'the chosen ones of the later steps',
      { from: 'fcp/region', only: ['etcd'] },
      ['fcp/etcd-operator', 'fcp/etcd-cluster'],
    ],
    ['nothing for an empty list', { only: [] }, []],
  ])('takes %s', (_, selection, expected) => {
    expect(chosen(selection)).toEqual(expected);
  });

  it('takes no step for the middle or the beginning of its name', () => {
    expect(() => chosen({ only: ['operator'] })).toThrow(SelectionError);
    expect(() => chosen({ only: ['etcd-cl'] })).toThrow(SelectionError);
  });

  it.each<[string, Selection, string, string]>([
    ['--cluster', { cluster: ['usa', 'mars'] }, '’mars’ is no cluster', 'fcp, usa, federation'],
    ['--only', { only: ['etcd', 'dns'] }, '’dns’ is no component or step', 'regions, etcd, workloads, keepalived'],
    ['--from', { from: 'fcp/dns' }, '’fcp/dns’ is no step', ALL.join(', ')],
  ])('refuses a name of %s that the plan has not, and names those that it has', (where, selection, problem, names) => {
    let error: unknown;
    try {
      chosen(selection);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SelectionError);
    expect(error).toMatchObject({
      findings: [{ where, problem: problem.replaceAll('’', "'"), hint: `The plan has: ${names}.` }],
    });
  });

  it('finds exactly those that need a step, in any plan that stands in order', () => {
    const plans = fc
      .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
      .map((all) =>
        all.map((needs, i) =>
          labelNodes(`usa/s${i}`, { needs: i === 0 ? [] : [...new Set(needs.map((need) => `usa/s${need % i}`))] }),
        ),
      );
    fc.assert(
      fc.property(plans, fc.nat(), (steps, number) => {
        const from = `usa/s${number % steps.length}`;
        const needed = closure(steps);
        expect(select(planOf(steps), { from }).map(({ id }) => id)).toEqual(
          steps.map(({ id }) => id).filter((id) => id === from || needed.get(id)?.has(from)),
        );
      }),
    );
  });
});
