/** The forms of names that Kubernetes knows, after its own validation. */

const LABEL = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const DNS1123_LABEL = new RegExp(`^${LABEL}$`);
const DNS1035_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const DNS1123_SUBDOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/** The most characters of a label, in DNS and as a label's value. */
export const LABEL_LENGTH = 63;
/** The most characters of a name in DNS without its closing dot, and of most objects' names. */
export const NAME_LENGTH = 253;

/** What a label may look like, for messages. */
export const LABEL_RULE = `lower-case letters, digits and hyphens, starting and ending with a letter or digit, at most ${LABEL_LENGTH}`;

/** A DNS-1123 label: a namespace, a cluster, a region. */
export const isLabel = (text: string): boolean => DNS1123_LABEL.test(text) && text.length <= LABEL_LENGTH;

/** A DNS-1035 label: a Service. */
export const isServiceName = (text: string): boolean => DNS1035_LABEL.test(text) && text.length <= LABEL_LENGTH;

/** A DNS-1123 subdomain: most objects, such as a Secret or a ServiceAccount. */
export const isSubdomain = (text: string): boolean => DNS1123_SUBDOMAIN.test(text) && text.length <= NAME_LENGTH;
