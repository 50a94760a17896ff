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
  /** Watches hold a connection each, for minutes; the requests' few stay free. */
  readonly #watchAgent: https.Agent;
  private readonly port: number;

  /**
   * @param port the server's port on loopback
   * @param ca the certificates to trust, PEM
   * @param token the user's bearer token
   * @param userAgent what it calls itself; default: e2e-harness
   */
  constructor(
    port: number,
    ca: string,
    token: string,
    private readonly userAgent = 'e2e-harness',
  ) {
    this.port = port;
    this.#token = token;
    this.#agent = new https.Agent({ ca, keepAlive: true, maxSockets: 8 });
    this.#watchAgent = new https.Agent({ ca });
  }

  /**
   * Sends one request; every HTTP status is an answer, not an error.
   * @param method the HTTP method
   * @param path the path with its query
   * @param body what to send as JSON; default: nothing
   * @param timeoutMs the longest silence, in milliseconds; default: 5 s
   * @param contentType what the body is, such as a kind of patch; default: application/json
   * @param headers more headers; default: none
   * @throws Error when the server cannot be reached or does not answer in time
   */
  request(
    method: string,
    path: string,
    body?: unknown,
    timeoutMs = 5_000,
    contentType = 'application/json',
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiResponse> {
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
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
            'user-agent': this.userAgent,
            ...headers,
            // Of a DELETE node would not say how long its body is, and the server take it for the next request.
            ...(content && { 'content-type': contentType, 'content-length': content.length }),
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
      request.end(content);
    });
  }

  /**
   * Follows a path that answers with one JSON document a line, as every watch does, and returns when the server ends it.
   * @param path the path with its query
   * @param onLine called with each document, in order
   * @param signal ends it
   * @throws Error when the server cannot be reached, answers with another status than 200, the connection breaks, or the signal comes
   */
  watch(path: string, onLine: (document: unknown) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = https.request(
        {
          host: LOOPBACK,
          port: this.port,
          path,
          agent: this.#watchAgent,
          signal,
          headers: {
            authorization: `Bearer ${this.#token}`,
            accept: 'application/json',
            'user-agent': this.userAgent,
          },
        },
        (response) => {
          if (response.statusCode !== 200) {
            response.resume();
            reject(new Error(`${path} answers ${response.statusCode ?? 0}`));
            return;
          }
          let rest = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            const lines = (rest + chunk).split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) onLine(decode(line));
          });
          response.once('error', reject);
          response.once('end', resolve);
        },
      );
      request.once('error', reject);
      request.end();
    });
  }

  /** Ends the connections that it keeps. */
  close(): void {
    this.#agent.destroy();
    this.#watchAgent.destroy();
  }
}

function decode(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
