/** What every file of the end-to-end tier does: notes which real programs take part in each of its tests. */
import { testBegins, testEnds } from './real-programs';

beforeEach(testBegins);
afterEach(testEnds);
