import type { Checker } from './check';
import { isImage, isImagePrefix, prefixed } from './images';
import { ChartsProps } from './types';

/** A path that no program takes for an option, an address, the home folder, or a template to fill in. */
const FOLDER = /^(?![-~]|[a-z]+:)(?!.*\{\{)[^\s\p{Cc}]+$/u;

/**
 * The registry and path before every image.
 *
 * @param images the images that the topology names, by the path of their props
 */
export function checkPrefix(
  c: Checker,
  prefix: string | undefined,
  images: readonly (readonly [string, string | undefined])[],
): void {
  if (prefix === undefined) return;
  if (!isImagePrefix(prefix)) {
    c.add(
      'images.prefix',
      `'${prefix}' is no registry and path`,
      'Write <registry>[:port][/path] without a slash at its end, such as registry.local/mirror.',
    );
    return;
  }
  // What is an image by itself may be none behind a prefix: no part of a path has a port or capitals.
  for (const [where, image] of images) {
    if (image === undefined || !isImage(image) || isImage(prefixed(prefix, image))) continue;
    c.add(
      where,
      `'${prefixed(prefix, image)}', the image behind images.prefix, is no image reference`,
      "Leave out the registry's port and capitals, as in the mirror's path.",
    );
  }
}

/** Where the stack's chart comes from: a repository or a folder. */
export function checkCharts(c: Checker, { repository, folder, unpacked }: ChartsProps = {}): void {
  if (folder !== undefined && !FOLDER.test(folder)) {
    c.add('charts.folder', `'${folder}' is no folder`, 'Write a path as seen from dist/, such as ../charts.');
  }
  if (unpacked === true && folder === undefined) {
    c.add('charts.unpacked', 'true does nothing without a folder', 'Give charts.folder.');
  }
  if (repository === undefined) return;
  const url = URL.canParse(repository) ? new URL(repository) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || /[\s\p{Cc}]/u.test(repository)) {
    c.add(
      'charts.repository',
      `'${repository}' is no address of a chart repository`,
      'Write http://… or https://…, without index.yaml.',
    );
  } else if (url.username !== '' || url.password !== '') {
    c.add(
      'charts.repository',
      `'${url.origin}' is written with credentials`,
      'dist/ and git would hold them: use a repository that can be read without, or charts.folder.',
    );
  }
  if (folder !== undefined) {
    c.add('charts.repository', 'does nothing beside charts.folder', 'Give one of the two.');
  }
}
