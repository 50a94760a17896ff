/** The kubectl of clusters that name none of their own. */
export const KUBECTL = 'kubectl';

/** Minor versions that a kubectl and a server may be apart. */
export const KUBECTL_SKEW = 1;

/**
 * A kubectl: a name, found on the PATH, or an absolute path. Nothing else is started by a name that a plan says, and a
 * relative path would be read from `dist/`.
 */
export const KUBECTL_PROGRAM = /^(?:(?:\/(?!\.\.?\/)[\w.+-]+)*\/)?kubectl[\w.+-]*$/;
