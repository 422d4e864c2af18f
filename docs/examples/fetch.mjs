// Asks Tallymark for badges with fetch, as it is in browsers and in Node.js.
//
//   node fetch.mjs badge [TAG…]       the badge, of the rooms with all of these tags
//   node fetch.mjs after SEQ [TAG…]   the same, with every event up to SEQ in it
//   node fetch.mjs again N            the badge N times, a second apart; `unchanged` where it is the same
//   node fetch.mjs live N [TAG…]      the next N badges, as they change
//
// BADGE_URL, BADGE_CLIENT_KEY and BADGE_TOKEN say where, which app and who.

const { BADGE_URL, BADGE_CLIENT_KEY, BADGE_TOKEN } = process.env;
const credentials = { "IM-CLIENT-KEY": BADGE_CLIENT_KEY, "IM-Authorization": BADGE_TOKEN };

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/// What no other try would change.
class Refused extends Error {}

/// Asks until there is an answer. 401 means that the app has to get another token, 400 that it asks for nonsense:
/// neither is tried again.
async function ask(path, headers = {}) {
  for (let failures = 0; ; failures += 1) {
    let wait = Math.min(2 ** failures, 30) * (0.5 + Math.random() / 2);
    try {
      const answer = await fetch(BADGE_URL + path, { headers: { ...credentials, ...headers }, cache: "no-store" });
      if (answer.ok || answer.status === 304) return answer;
      const { error } = await answer.json();
      if (answer.status !== 429 && answer.status !== 503) throw new Refused(`${answer.status} ${error.code}: ${error.message}`);
      wait = Number(answer.headers.get("Retry-After"));
    } catch (error) {
      // No connection, or one that broke.
      if (error instanceof Refused || failures === 20) throw error;
    }
    await sleep(wait);
  }
}

function query(tags, others = {}) {
  const query = new URLSearchParams(others);
  for (const tag of tags) query.append("roomTags", tag);
  return query.size > 0 ? `?${query}` : "";
}

async function badge(...tags) {
  const answer = await ask(`/me/badge${query(tags)}`);
  console.log((await answer.json()).result.badge);
}

/// Whoever publishes that something was read learns the event's sequence, and never sees the old number with it.
async function after(minSeq, ...tags) {
  const answer = await ask(`/me/badge${query(tags, { minSeq })}`);
  console.log((await answer.json()).result.badge);
}

async function again(times) {
  let tag = null;
  for (let i = 0; i < Number(times); i += 1) {
    const answer = await ask("/me/badge", tag === null ? {} : { "If-None-Match": tag });
    tag = answer.headers.get("ETag");
    console.log(answer.status === 304 ? "unchanged" : (await answer.json()).result.badge);
    await sleep(1);
  }
}

/// EventSource can't send the headers, so this reads the stream itself.
async function live(count, ...tags) {
  let left = Number(count);
  let last = null;
  for (;;) {
    const answer = await ask(`/me/badge/live${query(tags)}`, last === null ? {} : { "Last-Event-ID": last });
    try {
      for await (const event of events(answer.body)) {
        last = event.id ?? last;
        // The only other event says why this is the end of the stream.
        if (event.type !== "badge") continue;
        console.log(JSON.parse(event.data).badge);
        left -= 1;
        if (left === 0) return;
      }
    } catch {
      // The connection broke: on from the last event.
    }
    await sleep(0.5 + Math.random() / 2);
  }
}

/// The events of a stream; lines that begin with a colon only say that it is alive.
async function* events(body) {
  let rest = "";
  let event = { type: "message", data: "" };
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
      if (name === "event") event.type = value;
      if (name === "id") event.id = value;
      if (name === "data") event.data += value;
      if (line === "") {
        if (event.data !== "") yield event;
        event = { type: "message", data: "" };
      }
    }
  }
}

const [command, ...rest] = process.argv.slice(2);
try {
  await { badge, after, again, live }[command](...rest);
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
