/** A thin client for one kube-apiserver on loopback. */
import * as https from 'node:https';
import { LOOPBACK } from './ports';

/** An answer of the server. */
export interface ApiResponse {
  /** The HTTP status. */
  readonly status: number;
  /** The decoded JSON, or the text where it is none. */
  readonly body: unknown;
}

/** Talks JSON to one server, as one user. */
export class ApiClient {
  // Private to the language, so that no print of an object shows it.
  readonly #token: string;
  readonly #agent: https.Agent;
  private readonly port: number;

  /**
   * @param port the server's port on loopback
   * @param ca the certificates to trust, PEM
   * @param token the user's bearer token
   */
  constructor(port: number, ca: string, token: string) {
    this.port = port;
    this.#token = token;
    this.#agent = new https.Agent({ ca, keepAlive: true, maxSockets: 8 });
  }

  /**
   * Sends one request; every HTTP status is an answer, not an error.
   * @param method the HTTP method
   * @param path the path with its query
   * @param body what to send as JSON; default: nothing
   * @param timeoutMs the longest silence, in milliseconds; default: 5 s
   * @throws Error when the server cannot be reached or does not answer in time
   */
  request(method: string, path: string, body?: unknown, timeoutMs = 5_000): Promise<ApiResponse> {
    return new Promise((resolve, reject) => {
      const request = https.request(
        {
          host: LOOPBACK,
          port: this.port,
          method,
          path,
          agent: this.#agent,
          timeout: timeoutMs,
          headers: {
            authorization: `Bearer ${this.#token}`,
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.once('error', reject);
          response.once('end', () => {
            resolve({ status: response.statusCode ?? 0, body: decode(text) });
          });
        },
      );
      request.once('timeout', () => request.destroy(new Error(`no answer to ${method} ${path} in ${timeoutMs} ms`)));
      request.once('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Ends the connections that it keeps. */
  close(): void {
    this.#agent.destroy();
  }
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
