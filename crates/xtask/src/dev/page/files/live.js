// A live badge over fetch: EventSource can't send the headers that say who asks.

// The service says something at least every 15 seconds, if only that it is there.
const SILENCE_MS = 40_000;
const LONGEST_WAIT_MS = 30_000;

/// Follows `url` until the answer is that it may not. `told.state` hears how it stands, `told.badge` each badge.
/// Returns a function that ends any wait, and tries again after a refusal.
export function live(url, headers, told) {
  let last = null; // the newest event's id: where to go on
  let retry = 1000; // as the service says
  let failures = 0;
  let hurry = () => {};

  async function once() {
    const abort = new AbortController();
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(new Error("nothing was heard for too long")), SILENCE_MS);
    };
    heard();
    try {
      const asked = last === null ? headers : { ...headers, "Last-Event-ID": last };
      const answer = await fetch(url, { headers: asked, cache: "no-store", signal: abort.signal });
      if (!answer.ok) throw await Refusal.of(answer);
      for await (const event of events(answer.body, heard)) {
        if (event.retry !== undefined) retry = event.retry;
        if (event.id !== undefined) last = event.id;
        if (event.type === "end") throw new Error(`the stream ended: ${JSON.parse(event.data).reason}`);
        if (event.type !== "badge") continue;
        failures = 0;
        told.state({ is: "live" });
        told.badge(JSON.parse(event.data).badge, Number(event.id));
      }
      throw new Error("the stream ended");
    } finally {
      clearTimeout(silence);
      abort.abort();
    }
  }

  async function forever() {
    for (;;) {
      const error = await once().catch((error) => error);
      if (error instanceof Refusal && !error.isPassing) {
        told.state({ is: "refused", why: error.message });
        await new Promise((again) => { hurry = again; });
        told.state({ is: "connecting" });
        continue;
      }
      // Everybody who was cut off at once shall not come back at once.
      const growing = Math.min(retry * 2 ** failures, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
      const wait = Math.max(growing, (error.retryAfter ?? 0) * 1000);
      failures += 1;
      told.state({ is: "waiting", why: error.message, ms: wait });
      await new Promise((again) => {
        hurry = again;
        setTimeout(again, wait);
      });
    }
  }

  forever();
  return () => hurry();
}

/// An answer that is no stream.
class Refusal extends Error {
  static async of(answer) {
    const body = await answer.json().catch(() => ({}));
    const refusal = new Refusal(body.error?.message ?? `the answer is ${answer.status}`);
    refusal.retryAfter = Number(answer.headers.get("Retry-After") ?? 0);
    // Too many requests, or not ready: that passes. Anything else is the same the next time.
    refusal.isPassing = answer.status === 429 || answer.status >= 500;
    return refusal;
  }
}

/// The events of a stream, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them.
async function* events(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { type: "message", data: [] };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    rest += value;
    // A line break may still lack its second half.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.data.length > 0 || event.retry !== undefined) yield { ...event, data: event.data.join("\n") };
        event = { type: "message", data: [] };
        continue;
      }
      const [, name, text] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (name === "event") event.type = text;
      else if (name === "data") event.data.push(text);
      else if (name === "id") event.id = text;
      else if (name === "retry" && /^\d+$/.test(text)) event.retry = Number(text);
    }
  }
}
