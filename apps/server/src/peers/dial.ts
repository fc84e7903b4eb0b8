import http, { type Agent, type AgentOptions, type ClientRequest, type RequestOptions } from 'node:http';
import { type EndpointUrl, parseUrls } from '../config/urls.js';

/** How connections to peers are made. Everything that leaves for a peer goes through one of these. */
export interface Dialer {
  request(options: RequestOptions): ClientRequest;
  /** Keeps connections for further requests. */
  createAgent(options: AgentOptions): Agent;
}

/** Plain HTTP. An `https` URL is refused with node's own error. */
export const plainDialer: Dialer = {
  request: (options) => http.request(options),
  createAgent: (options) => new http.Agent(options),
};

/** The addresses of one peer: stays with one that works, moves on when it does not. */
export class UrlPicker {
  #urls: readonly EndpointUrl[];
  #picked = 0;

  constructor(urls: readonly EndpointUrl[]) {
    this.#urls = urls;
  }

  /** undefined when there is none to be understood. */
  pick(): EndpointUrl | undefined {
    return this.#urls[this.#picked];
  }

  update(urls: readonly EndpointUrl[]): void {
    this.#urls = urls;
    this.#picked = 0;
  }

  /** The next one, unless somebody else has moved on from `url` already. */
  failed(url: EndpointUrl): void {
    if (this.pick() === url) this.#picked = (this.#picked + 1) % this.#urls.length;
  }
}

/** Those of the URLs that can be dialled, in their order. */
export function peerUrls(urls: readonly string[]): readonly EndpointUrl[] {
  return urls.flatMap((url) => {
    const parsed = parseUrls(url);
    return 'problem' in parsed ? [] : parsed.value;
  });
}

/** Where a request for `path` at the peer address goes. */
export function requestTarget(url: EndpointUrl, path: string): RequestOptions {
  if (url.kind === 'unix') {
    return { protocol: url.scheme === 'unix' ? 'http:' : 'https:', socketPath: url.path, path };
  }
  return { protocol: `${url.scheme}:`, hostname: url.host, port: url.port, path };
}
