import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ApiError, type ApiRequest, LINES_MEDIA_TYPE, parseApiRequest } from './api-request.ts';
import { listenOnControlSocket } from './control-socket.ts';
import { type ElementFraming, writeElements } from './element-stream.ts';
import type { ControlActions, ControlView } from './view.ts';

/** More clients at a time than this are turned away. */
const MOST_CONNECTIONS = 64;
const LARGEST_HEADERS = 8192;
/** Milliseconds in which a request has to be complete. */
const REQUEST_TIMEOUT = 10_000;

/** What the control API is made of. */
export interface ControlServerOptions {
  /** Path of the unix socket. */
  readonly path: string;
  readonly view: ControlView;
  readonly actions: ControlActions;
  /** Is told of defects of the view; nothing that a client does gets here. */
  readonly log?: (message: string, error: unknown) => void;
  /** Milliseconds that only ever grow. */
  readonly now?: () => number;
}

/** The control API while it listens. */
export interface ControlServer {
  readonly path: string;
  /** Ends all connections and removes the socket. */
  close(): Promise<void>;
}

/**
 * Starts the HTTP API on a unix socket.
 *
 * @throws ControlSocketError
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const answer = new Answerer(options);
  const server = createServer(
    { maxHeaderSize: LARGEST_HEADERS, headersTimeout: REQUEST_TIMEOUT, requestTimeout: REQUEST_TIMEOUT },
    (request, response) => void answer.respond(request, response),
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.on('clientError', refuseMalformed);
  await listenOnControlSocket(server, options.path);
  server.on('error', (error) => options.log?.('control API', error));
  return { path: options.path, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Answers what is not HTTP; there is no response object for it. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const message = `this is not a request that can be understood: ${error.message}`;
  const body = errorBody({ status: 400, reason: 'BadRequest', message });
  const headers = [
    'HTTP/1.1 400 Bad Request',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`);
}

function errorBody(error: ApiError): string {
  const { status: _, ...rest } = error;
  return `${JSON.stringify({ error: rest })}\n`;
}

function sendError(response: ServerResponse, error: ApiError): void {
  const body = errorBody(error);
  response.writeHead(error.status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...(error.status === 405 && { Allow: error.allowed ?? 'GET' }),
  });
  response.end(body);
}

function framingOf(request: IncomingMessage): ElementFraming {
  return request.headers.accept?.includes(LINES_MEDIA_TYPE) ? 'lines' : 'array';
}

/** Turns requests into answers. No error leaves it. */
class Answerer {
  readonly #view: ControlView;
  readonly #actions: ControlActions;
  readonly #log: (message: string, error: unknown) => void;
  readonly #now: () => number;

  constructor(options: ControlServerOptions) {
    this.#view = options.view;
    this.#actions = options.actions;
    this.#log = options.log ?? (() => undefined);
    this.#now = options.now ?? (() => performance.now());
  }

  async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const parsed = parseApiRequest(request.method ?? '', request.url ?? '', this.#view);
      if (!parsed.ok) sendError(response, parsed.error);
      else await this.#answer(parsed.request, framingOf(request), response);
    } catch (error) {
      this.#log(`control API: ${request.method} ${request.url}`, error);
      this.#fail(response);
    }
  }

  /** A defect of ours: an error when nothing was sent yet, else a broken connection, so that nobody takes part for the whole. */
  #fail(response: ServerResponse): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const message = 'openpe-routerd could not answer; its log says why';
    sendError(response, { status: 500, reason: 'InternalError', message });
  }

  async #answer(request: ApiRequest, framing: ElementFraming, response: ServerResponse): Promise<void> {
    switch (request.resource) {
      case 'status':
        return sendValue(response, this.#view.status());
      case 'configuration':
        return sendValue(response, { findings: this.#view.findings() });
      case 'sessions':
        return this.#sendElements(response, this.#view.sessions(), framing);
      case 'vnis':
        return this.#sendElements(response, this.#view.vnis(), framing);
      case 'drain':
        this.#actions.drain(request.seconds);
        return sendValue(response, { draining: true, seconds: request.seconds });
      case 'clear':
        this.#actions.clear(request.peer);
        return sendValue(response, { cleared: request.peer });
      case 'routes':
        return this.#sendElements(response, this.#view.routes(request.filter), framing);
    }
  }

  async #sendElements(
    response: ServerResponse,
    elements: Iterable<unknown>,
    framing: ElementFraming,
  ): Promise<void> {
    response.setHeader('Content-Type', framing === 'lines' ? LINES_MEDIA_TYPE : 'application/json');
    if (await writeElements(response, elements, framing, this.#now)) response.end();
  }
}

function sendValue(response: ServerResponse, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
