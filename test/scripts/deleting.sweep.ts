import { ApiObject, Chart } from 'cdk8s';
import { ConfigMap } from 'cdk8s-plus-25';
import { inSweeps, swept } from '../support/sweep';
import { limits } from './support/cli';
import { comparable, mustApply, shortLimit, withFederation } from './support/shared';
import { story } from './support/story';

/** The namespace that kubefed makes in every member, and for the control plane in the host cluster. */
const NAMESPACE = 'federation-system';

/** A test that runs beside others, in the sweeps alone. */
const itInSweeps = inSweeps<[test: () => Promise<void>]>((what, test) => {
  it.concurrent(what, test);
});

// A namespace goes when all that is in it has gone, which takes a real cluster some seconds, and longer where something
// holds it up. kubectl did not wait for that before 1.11.
describe('a namespace that takes its time to go', () => {
  itInSweeps('is waited for by a teardown, which says so where it does not go in time', () =>
    withFederation({}, async (federation) => {
      const { world, cli, editPlan } = federation;
      await mustApply(federation);
      editPlan(limits(await shortLimit(), /^usa\/join$/));
      await world.hold(`usa/Namespace//${NAMESPACE}`);
      const ended = await cli(['teardown', '--yes', '--json']);
      expect(ended.code).toBe(1);
      expect(story(ended).failed).toMatchObject([
        { step: 'usa/join', problem: `namespace/${NAMESPACE} is still being deleted, and its time is up` },
      ]);
      expect(ended.events).toContainEqual(
        expect.objectContaining({
          type: 'seen',
          step: 'usa/join',
          seen: `namespace/${NAMESPACE} is still being deleted`,
        }),
      );
    }),
  );

  const places = [
    { cluster: 'usa', step: 'usa/join' },
    { cluster: 'fcp', step: 'fcp/federation-control-plane' },
  ];

  it.concurrent.each(swept(places))('is waited for by the next apply: that of $cluster', ({ cluster, step }) =>
    withFederation({}, async (federation) => {
      const { world, cli } = federation;
      await mustApply(federation);
      const applied = comparable(federation);
      const held = `${cluster}/Namespace//${NAMESPACE}`;
      await world.hold(held);
      // Killed as soon as the namespace is on its way.
      world.inject({
        match: new RegExp(`--context=${cluster} delete namespace ${NAMESPACE}`),
        action: { type: 'kill', point: 'after' },
      });
      const torn = await cli(['teardown', '--yes'], { started: ({ pid }) => (world.victim = pid) });
      expect(torn.signal).toBe('SIGKILL');
      expect(world.get(cluster, 'Namespace', undefined, NAMESPACE)?.metadata.deletionTimestamp).toBeDefined();

      const released: Promise<void>[] = [];
      const seen = `${NAMESPACE} is still being deleted`;
      const ended = await cli(['apply', '--yes', '--json'], {
        onOutput: (stdout) => {
          if (released.length === 0 && stdout.includes(seen)) released.push(world.release(held));
        },
      });
      await Promise.all(released);
      expect(released).toHaveLength(1);
      expect(story(ended).failed).toEqual([]);
      expect(story(ended).outcomes[step]).toBe('changed');
      expect(ended.code).toBe(0);
      expect(comparable(federation)).toEqual(applied);
    }),
  );

  it.concurrent.each(
    swept([
      { what: 'that of the member usa', cluster: 'usa', name: NAMESPACE },
      { what: 'that of the control plane', cluster: 'fcp', name: NAMESPACE },
      { what: 'that of a chart', cluster: 'usa', name: 'shop' },
    ]),
  )('is not deleted once more by the next teardown, which waits for it: $what', ({ cluster, name }) =>
    withFederation(
      {
        charts: (federation) => {
          const chart = new Chart(federation.cluster('usa'), 'shop');
          new ApiObject(chart, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
        },
      },
      async (federation) => {
        const { world, cli } = federation;
        await mustApply(federation);
        const held = `${cluster}/Namespace//${name}`;
        await world.hold(held);
        const deletes = name === NAMESPACE ? `delete namespace ${name}` : 'delete .*shop';
        // Killed as soon as the namespace is on its way.
        world.inject({
          match: new RegExp(`--context=${cluster} ${deletes}`),
          action: { type: 'kill', point: 'after' },
        });
        const cut = await cli(['teardown', '--yes'], { started: ({ pid }) => (world.victim = pid) });
        expect(cut.signal).toBe('SIGKILL');
        expect(world.get(cluster, 'Namespace', undefined, name)?.metadata.deletionTimestamp).toBeDefined();

        const released: Promise<void>[] = [];
        const ended = await cli(['teardown', '--yes', '--json'], {
          onOutput: (stdout) => {
            const seen = stdout.match(new RegExp(`${name} is still (?:being deleted|there)`));
            if (released.length === 0 && seen) released.push(world.release(held));
          },
        });
        await Promise.all(released);
        expect(released).toHaveLength(1);
        expect(story(ended).failed).toEqual([]);
        expect(ended.code).toBe(0);
        expect(world.get(cluster, 'Namespace', undefined, name)).toBeUndefined();
      },
    ),
  );

  itInSweeps('is waited for where a chart of the user’s own puts things into it', () =>
    withFederation(
      {
        charts: (federation) => {
          const chart = new Chart(federation.cluster('usa'), 'shop');
          new ApiObject(chart, 'namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
          new ConfigMap(chart, 'prices', { metadata: { name: 'prices', namespace: 'shop' }, data: { tea: '3' } });
        },
      },
      async (federation) => {
        const { world, cli } = federation;
        await mustApply(federation);
        await world.hold('usa/Namespace//shop');
        await world.remove('usa', 'Namespace', undefined, 'shop');
        const released: Promise<void>[] = [];
        const ended = await cli(['apply', '--yes', '--json'], {
          onOutput: (stdout) => {
            if (released.length === 0 && stdout.includes('Namespace shop is still being deleted'))
              released.push(world.release('usa/Namespace//shop'));
          },
        });
        await Promise.all(released);
        expect(ended.code).toBe(0);
        expect(story(ended).outcomes['usa/shop']).toBe('changed');
        const prices = world.get('usa', 'ConfigMap', 'shop', 'prices');
        expect(prices?.metadata.deletionTimestamp).toBeUndefined();
        expect(prices).toMatchObject({ data: { tea: '3' } });
      },
    ),
  );
});
