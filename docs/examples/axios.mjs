// Asks Tallymark for badges with axios.
//
//   node axios.mjs badge [TAG…]       the badge, of the rooms with all of these tags
//   node axios.mjs after SEQ [TAG…]   the same, with every event up to SEQ in it
//   node axios.mjs again N            the badge N times, a second apart; `unchanged` where it is the same
//
// BADGE_URL, BADGE_CLIENT_KEY and BADGE_TOKEN say where, which app and who.
import axios from "axios";

const { BADGE_URL, BADGE_CLIENT_KEY, BADGE_TOKEN } = process.env;

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

const tallymark = axios.create({
  baseURL: BADGE_URL,
  headers: { "IM-CLIENT-KEY": BADGE_CLIENT_KEY, "IM-Authorization": BADGE_TOKEN },
  // A list as `roomTags=a&roomTags=b`. The `roomTags[]=a` that axios writes unless told is refused.
  paramsSerializer: { indexes: null },
  validateStatus: (status) => status === 200 || status === 304,
});

// Too many requests, or counts that are not ready: both say when to ask again. Not 401: that takes another token.
tallymark.interceptors.response.use(undefined, async (error) => {
  const { config, response } = error;
  config.tries = (config.tries ?? 0) + 1;
  const passes = response === undefined || response.status === 429 || response.status === 503;
  if (!passes || config.tries > 20) throw error;
  await sleep(Number(response?.headers["retry-after"] ?? Math.min(2 ** config.tries, 30)));
  return tallymark.request(config);
});

async function badge(...roomTags) {
  const { data } = await tallymark.get("/me/badge", { params: { roomTags } });
  console.log(data.result.badge);
}

/// Whoever publishes that something was read learns the event's sequence, and never sees the old number with it.
async function after(minSeq, ...roomTags) {
  const { data } = await tallymark.get("/me/badge", { params: { minSeq, roomTags } });
  console.log(data.result.badge);
}

async function again(times) {
  let tag;
  for (let i = 0; i < Number(times); i += 1) {
    const answer = await tallymark.get("/me/badge", { headers: tag ? { "If-None-Match": tag } : {} });
    tag = answer.headers.etag;
    console.log(answer.status === 304 ? "unchanged" : answer.data.result.badge);
    await sleep(1);
  }
}

const [command, ...rest] = process.argv.slice(2);
try {
  await { badge, after, again }[command](...rest);
} catch (error) {
  const { status, data } = error.response ?? {};
  console.error(data ? `${status} ${data.error.code}: ${data.error.message}` : error.message);
  process.exit(1);
}
