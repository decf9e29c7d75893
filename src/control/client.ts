import { type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { type ApiError, LINES_MEDIA_TYPE } from './api-request.ts';

/** Milliseconds until the daemon has to begin its answer. */
const ANSWER_TIMEOUT = 10_000;
/** What errors of the system mean here. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket; is openpe-routerd running, and with this --control path?',
  ECONNREFUSED: 'nobody answers there any more; openpe-routerd has stopped',
  EACCES: 'access is denied; run this as root, or as a member of the group that owns the socket',
  ENOTSOCK: 'that is no socket; give the path of the control socket with --control',
  ECONNRESET: 'openpe-routerd ended the connection; it is stopping, or too many clients ask at once',
};

/** The daemon could not be asked, or refused. The message is for people. */
export class ControlClientError extends Error {
  override readonly name = 'ControlClientError';
  /** What the daemon answered, when it did. */
  readonly refusal: Omit<ApiError, 'status'> | undefined;

  constructor(message: string, refusal?: Omit<ApiError, 'status'>) {
    super(message);
    this.refusal = refusal;
  }
}

/** Asks a daemon's control API. All methods throw {@link ControlClientError} and nothing else. */
export class ControlClient {
  readonly #path: string;

  /** @param path the unix socket */
  constructor(path: string) {
    this.#path = path;
  }

  /** The answer's bytes, as they come. */
  async *text(resource: string, query: Readonly<Record<string, string>> = {}): AsyncGenerator<Buffer> {
    const response = await this.#get(resource, query, 'application/json');
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** The answer as one value. The caller knows its shape: both ends are of one release. */
  async value<T>(resource: string): Promise<T> {
    const response = await this.#get(resource, {}, 'application/json');
    try {
      return (await json(response)) as T;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** Has the daemon do something; gives its answer. */
  async act<T>(action: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
    const response = await this.#ask('POST', action, query, 'application/json');
    try {
      return (await json(response)) as T;
    } catch (error) {
      throw this.#broken(error);
    }
  }

  /** The elements of a list, one by one as they come. */
  async *elements<T>(resource: string, query: Readonly<Record<string, string>> = {}): AsyncGenerator<T> {
    const response = await this.#get(resource, query, LINES_MEDIA_TYPE);
    response.setEncoding('utf8');
    let rest = '';
    try {
      for await (const chunk of response) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as T;
      }
    } catch (error) {
      throw this.#broken(error);
    }
  }

  #get(resource: string, query: Readonly<Record<string, string>>, accept: string): Promise<IncomingMessage> {
    return this.#ask('GET', resource, query, accept);
  }

  #ask(
    method: 'GET' | 'POST',
    resource: string,
    query: Readonly<Record<string, string>>,
    accept: string,
  ): Promise<IncomingMessage> {
    const parameters = new URLSearchParams(query).toString();
    const path = `/v1/${resource}${parameters === '' ? '' : `?${parameters}`}`;
    return new Promise((resolve, reject) => {
      const asked = request({
        method,
        socketPath: this.#path,
        path,
        headers: { accept, connection: 'close' },
      });
      const timer = setTimeout(
        () => asked.destroy(new Error(`no answer within ${ANSWER_TIMEOUT / 1000} s`)),
        ANSWER_TIMEOUT,
      );
      asked.once('response', (response) => {
        clearTimeout(timer);
        if (response.statusCode === 200) resolve(response);
        else refusalOf(response).then(reject, (error) => reject(this.#broken(error)));
      });
      asked.once('error', (error) => {
        clearTimeout(timer);
        reject(this.#broken(error));
      });
      asked.end();
    });
  }

  #broken(error: unknown): ControlClientError {
    if (error instanceof ControlClientError) return error;
    const { code, message } = error as NodeJS.ErrnoException;
    return new ControlClientError(
      `cannot read from openpe-routerd at ${this.#path}: ${REASONS[code ?? ''] ?? message}`,
    );
  }
}

async function refusalOf(response: IncomingMessage): Promise<ControlClientError> {
  const { error } = (await json(response)) as { readonly error: Omit<ApiError, 'status'> };
  const allowed = error.allowed === undefined ? '' : `; allowed: ${error.allowed}`;
  return new ControlClientError(`${error.message}${allowed}`, error);
}
