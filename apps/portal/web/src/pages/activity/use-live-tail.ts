import { createEventSource, type EventSourceClient, type FetchLike } from 'eventsource-client';
import { useEffect, useEffectEvent, useState } from 'react';
import { answer, api, BACKGROUND } from '../../api/client.js';
import { problemOf } from '../../api/problem.js';
import { whenSignedInAgain } from '../../api/session-gate.js';
import { toQuery, type ActivitySearch } from './activity-filter.js';
import { emptyTail, receive, type Tail } from './live-tail.js';
import type { Entry } from './use-activity.js';

const FLUSH_EVERY_MS = 1_000;

/**
 * New entries of this filter, as they are written down. The stream rests while the page is hidden, since it takes one of
 * the browser's few connections, and goes on from where it was.
 *
 * @param loaded the ids of the list's own entries; undefined while they are being loaded
 */
export function useLiveTail(
  search: ActivitySearch,
  loaded: ReadonlySet<string> | undefined,
  readerIsAtTop: () => boolean,
) {
  const [tail, setTail] = useState<Tail<Entry>>(emptyTail);
  const [connected, setConnected] = useState(false);
  const isLive = search.live === 1 && search.to === undefined;
  const { entry: _, live: __, tz: ___, ...filter } = search;
  const key = JSON.stringify(filter);

  const flush = useEffectEvent((arrived: Entry[]) => {
    // Until the list is there, nobody knows what is new to it.
    if (arrived.length === 0 || loaded === undefined) return;
    const news = arrived.splice(0);
    setTail((before) => receive(before, news, readerIsAtTop(), loaded));
  });

  useEffect(() => {
    if (!isLive) return undefined;
    const arrived: Entry[] = [];
    const query = toQuery(JSON.parse(key) as ActivitySearch, Date.now());
    const stream = openStream(query, arrived, setConnected);
    const timer = setInterval(() => {
      flush(arrived);
    }, FLUSH_EVERY_MS);
    const rest = () => {
      if (document.hidden) stream.close();
      else stream.connect();
    };
    document.addEventListener('visibilitychange', rest);
    return () => {
      document.removeEventListener('visibilitychange', rest);
      clearInterval(timer);
      stream.close();
      setConnected(false);
      setTail(emptyTail);
    };
  }, [isLive, key]);

  return {
    tail,
    isLive,
    connected,
    /** Forgets what waits, and what was added: the list is about to be loaded again. */
    reset: () => {
      setTail(emptyTail);
    },
  };
}

function openStream(
  query: Record<string, string>,
  arrived: Entry[],
  onConnection: (connected: boolean) => void,
): EventSourceClient {
  let isFirst = true;
  // What came between the list and the stream is in neither.
  const catchUp = () => {
    isFirst = false;
    void answer(api.GET('/api/v1/activity', { params: { query: { ...query, limit: 50 } }, headers: BACKGROUND }))
      .then(({ items }) => arrived.push(...items))
      .catch(() => undefined);
  };
  return createEventSource({
    url: `${location.origin}/api/v1/activity/stream?${new URLSearchParams(query).toString()}`,
    headers: BACKGROUND,
    fetch: fetchSignedIn,
    onMessage: ({ event, data }) => {
      if (event === 'entry') arrived.push(JSON.parse(data) as Entry);
      // After `reset` the stream could not go on from where it was.
      if (event === 'reset' || (event === 'ready' && isFirst)) catchUp();
    },
    onConnect: () => {
      onConnection(true);
    },
    onDisconnect: () => {
      onConnection(false);
    },
  });
}

/** Waits for somebody to sign in again where the session is over, as every other request does. */
const fetchSignedIn: FetchLike = async (url, init) => {
  const response = await fetch(url, init);
  if (response.status !== 401) return response;
  const { code } = await problemOf(response);
  if (code !== 'session.required' || !(await whenSignedInAgain())) return response;
  return fetch(url, init);
};
