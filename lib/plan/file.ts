/** Where the plan stands in `dist/`. */
export const PLAN_FILE = 'plan.yaml';
