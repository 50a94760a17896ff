/** Which image is which program, and what each program needs beside the rules that apply to every text. */
import { ToolName } from '../tools/pins';
import { bindCorefile } from './corefile';
import { OnReplace } from './rewrite';

/** What a program's own rules are told of its container. */
export interface ProgramContext {
  /** The pod's namespace. */
  readonly namespace: string;
  /** The pod's loopback address. */
  readonly address: string;
  /** Where each mount path lies on this machine. */
  readonly mounts: ReadonlyMap<string, string>;
  /** A free port of the machine for this pod, which stands for a port of the container from now on. */
  readonly ownPort: (containerPort: number) => number;
  /** Whether the one port for MetalLB's webhook is this cluster's. */
  readonly hasWebhookPort: boolean;
  /** Told of each change, with where it was made. */
  readonly changed: (where: string, ...change: Parameters<OnReplace>) => void;
  /** Told of each addition, with where it was made. */
  readonly added: (where: string, rule: Parameters<OnReplace>[0], to: string) => void;
}

/** A program that the kubelet of processes can run. */
export interface Program {
  /** The file's name. */
  readonly tool: ToolName;
  /** The image, without the registry in front (sites have their own) and without tag and digest behind. */
  readonly image: RegExp;
  /**
   * Changes the arguments, after the rules for any text.
   * @default as they are
   */
  readonly args?: (args: readonly string[], context: ProgramContext) => readonly string[];
  /**
   * Adds to the environment; what the pod sets itself goes first.
   * @default nothing
   */
  readonly env?: (context: ProgramContext) => Readonly<Record<string, string>>;
  /**
   * Changes a mounted file, after the rules for any text.
   * @default as it is
   */
  readonly file?: (path: string, content: string, address: string, onReplace: OnReplace) => string;
}

const WEBHOOK_CERTIFICATES = '/tmp/k8s-webhook-server/serving-certs';

/** The programs. An image that is none of them stays kwok's. */
export const PROGRAMS: readonly Program[] = [
  { tool: 'etcd', image: /(^|\/)etcd$/ },
  {
    tool: 'coredns',
    image: /(^|\/)coredns$/,
    file: (path, content, address, onReplace) =>
      /(^|\/)Corefile[^/]*$/.test(path) ? bindCorefile(content, address, onReplace) : content,
  },
  {
    tool: 'external-dns',
    image: /(^|\/)external-dns$/,
    args: (args, context) => listenOn(args, '--metrics-address', ':7979', context),
  },
  {
    tool: 'metallb-controller',
    image: /(^|\/)metallb\/controller$/,
    args: (args, context) => {
      const withPort = replaceFlag(args, '--port', '7472', (port) => {
        const own = String(context.ownPort(Number(port)));
        context.changed('argument --port', 'port', port, own);
        return own;
      });
      const more: string[] = [];
      const certificates = context.mounts.get(WEBHOOK_CERTIFICATES);
      if (certificates !== undefined && flagOf(args, '--cert-dir') === undefined) {
        more.push(`--cert-dir=${certificates}`);
        context.added('argument --cert-dir', 'fixed path', certificates);
      }
      const mode = flagOf(args, '--webhook-mode') ?? 'enabled';
      if (mode !== 'disabled' && !context.hasWebhookPort) {
        more.push('--webhook-mode=disabled');
        context.changed('argument --webhook-mode', 'one webhook port', mode, 'disabled');
      }
      return [...withPort, ...more];
    },
    // The program reads the file of that name beside the token where neither flag nor variable is set.
    env: ({ namespace, added }) => {
      added('environment METALLB_NAMESPACE', 'service account', namespace);
      return { METALLB_NAMESPACE: namespace };
    },
  },
];

/** The program for an image, if it is known. */
export function programFor(image: string): Program | undefined {
  const name = image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  return PROGRAMS.find((program) => program.image.test(name));
}

/** A jq expression that is something for pods with a known image and nothing for the others; for kwok's stages. */
export function knownPodQuery(): string {
  const images = PROGRAMS.map(({ image }) => image.source.replace(/\$$/, '').replaceAll('\\/', '/')).join('|');
  return `.spec.containers[] | select(.image | test("(${images})(:[^:/]*)?(@.*)?$")) | .name`;
}

function flagOf(args: readonly string[], flag: string): string | undefined {
  return args.findLast((arg) => arg.startsWith(`${flag}=`))?.slice(flag.length + 1);
}

/** Replaces the value of `--flag=value`; where it is not given, the program's default is replaced by adding it. */
function replaceFlag(
  args: readonly string[],
  flag: string,
  standard: string,
  change: (value: string) => string,
): readonly string[] {
  const given = flagOf(args, flag);
  if (given === undefined) return [...args, `${flag}=${change(standard)}`];
  return args.map((arg) => (arg === `${flag}=${given}` ? `${flag}=${change(given)}` : arg));
}

function listenOn(
  args: readonly string[],
  flag: string,
  standard: string,
  { address, changed }: ProgramContext,
): readonly string[] {
  return replaceFlag(args, flag, standard, (value) => {
    if (!/^(0\.0\.0\.0|\[::\])?:\d+$/.test(value)) return value;
    const own = `${address}${value.slice(value.lastIndexOf(':'))}`;
    changed(`argument ${flag}`, 'listen address', value, own);
    return own;
  });
}
