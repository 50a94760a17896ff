import { z } from 'zod';

/** How a step ended. */
export const outcomes = ['unchanged', 'changed', 'failed', 'skipped', 'cut', 'removed', 'nothing', 'kept'] as const;

const failure = z.strictObject({
  step: z.string(),
  cluster: z.string(),
  problem: z.string(),
  hint: z.string(),
  command: z.string().optional(),
  said: z.string().optional(),
});

/**
 * Everything that a run tells, as one JSON object a line with `--json`. Fields may be added; those that are here keep
 * their meaning. Times are seconds.
 */
export const eventSchema = z.discriminatedUnion('type', [
  /** The run begins. */
  z.strictObject({
    type: z.literal('run'),
    command: z.enum(['apply', 'teardown']),
    federation: z.string(),
    steps: z.array(z.string()),
  }),
  /** Something that has to be put right before anything is written. */
  z.strictObject({ type: z.literal('finding'), where: z.string(), problem: z.string(), hint: z.string() }),
  /** A step begins. */
  z.strictObject({ type: z.literal('started'), step: z.string(), cluster: z.string(), title: z.string() }),
  /** What differs from the plan, before it is changed. */
  z.strictObject({ type: z.literal('differs'), step: z.string(), cluster: z.string(), differs: z.array(z.string()) }),
  /** A program is started that writes. */
  z.strictObject({ type: z.literal('command'), step: z.string(), cluster: z.string(), command: z.string() }),
  /** What a step that waits sees. Told when it changes. */
  z.strictObject({ type: z.literal('seen'), step: z.string(), cluster: z.string(), seen: z.string() }),
  /** A call is made again, since nobody answered or the server was busy. */
  z.strictObject({ type: z.literal('retry'), step: z.string(), cluster: z.string(), problem: z.string() }),
  /** A step has ended. `why` says why it was skipped or kept; `failure` why it failed. */
  z.strictObject({
    type: z.literal('ended'),
    step: z.string(),
    cluster: z.string(),
    outcome: z.enum(outcomes),
    seconds: z.number(),
    why: z.string().optional(),
    failure: failure.optional(),
  }),
  /** Something to know that is no failure. */
  z.strictObject({ type: z.literal('warning'), cluster: z.string(), text: z.string() }),
  /** The user asks to stop: what is still running. */
  z.strictObject({ type: z.literal('stopping'), running: z.array(z.string()) }),
  /** The run has ended. */
  z.strictObject({
    type: z.literal('end'),
    exitCode: z.number(),
    seconds: z.number(),
    counts: z.partialRecord(z.enum(outcomes), z.number()),
  }),
]);

export type Event = z.infer<typeof eventSchema>;
export type Outcome = (typeof outcomes)[number];

/** Everything that a run tells goes through one of these. */
export interface Reporter {
  tell(event: Event): void;
  /** Nothing more will be told; what is drawn is left in its last state. */
  close(): void;
}
