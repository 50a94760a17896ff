/** What every file of the end-to-end tier does: notes which real programs take part in each of its tests. */
import { testBegins, testEnds } from './real-programs';

beforeEach(testBegins);
afterEach(() => {
  // A test without a real program has no place in this tier, and one that is not noted is missing in the report.
  expect(testEnds()).not.toEqual([]);
});
