import { ImagePullPolicy } from 'cdk8s-plus-25';
import { container } from '../../../lib/components/defaults';

describe('an image is pulled as Kubernetes itself would, where nothing is said', () => {
  test.each(['web:latest', 'web', 'registry:5000/web', 'registry:5000/shop/web:latest'])('always: %s', (image) => {
    expect(container({ image }).imagePullPolicy).toBe(ImagePullPolicy.ALWAYS);
  });

  test.each(['web:1', 'registry:5000/web:1', `web@sha256:${'0'.repeat(64)}`, 'registry:5000/web:1.latest'])(
    'where it is not there: %s',
    (image) => {
      expect(container({ image }).imagePullPolicy).toBe(ImagePullPolicy.IF_NOT_PRESENT);
    },
  );

  test('unless something is said', () => {
    const props = { image: 'web:1', imagePullPolicy: ImagePullPolicy.NEVER };
    expect(container(props).imagePullPolicy).toBe(ImagePullPolicy.NEVER);
  });
});

test('no promise is made that old images and 1.7 do not keep', () => {
  expect(container({ image: 'web:1' }).securityContext).toEqual({
    ensureNonRoot: false,
    readOnlyRootFilesystem: false,
    allowPrivilegeEscalation: true,
  });
  expect(container({ image: 'web:1' }).resources).toEqual({});
});

test('what is said about security stands beside what is not', () => {
  expect(container({ image: 'web:1', securityContext: { privileged: true } }).securityContext).toEqual({
    privileged: true,
    ensureNonRoot: false,
    readOnlyRootFilesystem: false,
    allowPrivilegeEscalation: true,
  });
});
