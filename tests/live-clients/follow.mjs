// Follows `changes` with an npm client and prints each change's cursor: what a front-end does that goes on where it was.
//
//   node follow.mjs (ws|sse) URL TOKEN
//
// On stdin, a line each: another URL to go to from the next connection on, or "cut", which breaks the connection.

import { createInterface } from 'node:readline';

import * as sse from 'graphql-sse';
import * as ws from 'graphql-ws';
import WebSocket from 'ws';

const [kind, first, token] = process.argv.slice(2);
let url = first;
let cut = () => {};
createInterface({ input: process.stdin })
  .on('line', (line) => (line === 'cut' ? cut() : (url = line)))
  .on('close', () => process.exit(0));

const query = `subscription ($after: ChangeCursor, $filter: ChangeFilter) {
  changes(after: $after, filter: $filter) { cursor }
}`;
// The client sends these variables again when it connects again: kept current, they are where it goes on.
const variables = { filter: { topics: ['ORGANIZATION'] } };
const authorization = `Bearer ${token}`;
const soon = () => new Promise((done) => setTimeout(done, 20));

const sink = {
  next({ data, errors }) {
    if (errors) {
      // An event stream tells errors as a result.
      sink.error(errors);
      return;
    }
    variables.after = data.changes.cursor;
    console.log(data.changes.cursor);
  },
  error(error) {
    console.error('error', error?.message ?? JSON.stringify(error), error?.code ?? '');
    process.exit(1);
  },
  complete() {
    console.error('completed');
    process.exit(1);
  },
};

if (kind === 'ws') {
  const client = ws.createClient({
    url: () => `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: soon,
    on: { connected: () => console.error('connected') },
  });
  cut = () => client.terminate();
  client.subscribe({ query, variables }, sink);
} else {
  let abort = new AbortController();
  const client = sse.createClient({
    url: () => `${url}/graphql/stream`,
    headers: { authorization },
    retryAttempts: Infinity,
    retry: soon,
    fetchFn: (address, options) => {
      abort = new AbortController();
      return fetch(address, { ...options, signal: AbortSignal.any([options.signal, abort.signal]) });
    },
    on: { connected: () => console.error('connected') },
  });
  cut = () => abort.abort(new TypeError('cut'));
  client.subscribe({ query, variables }, sink);
}
