import fc from 'fast-check';

/**
 * fast-check, drawing the same values in every run, so that a failure tells of the change under test and not of the dice.
 * `FC_SEED=$RANDOM npm test` draws others: worth a try after a change of what a property is about.
 */
fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 1) });

export default fc;
