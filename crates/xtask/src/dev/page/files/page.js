// Shows the badges of one user, and presses the demo's buttons.
import { live } from "./live.js";

const ALL = "All";
const at = (id) => document.getElementById(id);
const settings = await (await fetch("settings.json")).json();
const asking = { "IM-CLIENT-KEY": settings.clientKey, "IM-Authorization": settings.token };

const counted = { [ALL]: 0 }; // what each tab shows
let chosen = ALL; // the tab
let reached = 0; // the newest event that the icon's badge has
let isAsking = false;
let timer; // of the countdown in the state

// ---- the icon ----

function show(badge, number) {
  const text = String(number);
  if (badge.textContent !== text) {
    badge.textContent = text;
    // Begins the animation anew.
    badge.classList.remove("moved");
    void badge.offsetWidth;
    badge.classList.add("moved");
  }
}

function showIcon(number, sequence) {
  reached = sequence;
  counted[ALL] = number;
  show(at("badge"), number);
  at("badge").hidden = number === 0;
  at("icon").setAttribute("aria-label", `Chat, ${number} unread`);
  at("reach").textContent = `Counted up to event ${sequence.toLocaleString("en")}`;
  document.title = number > 0 ? `(${number}) Tallymark demo` : "Tallymark demo";
  showTabs();
  askForTheRest();
}

// ---- how the connection stands ----

function showState(state) {
  const shown = at("connection");
  clearInterval(timer);
  document.body.classList.toggle("is-old", state.is !== "live");
  if (state.is === shown.dataset.state && state.is === "live") return;
  shown.dataset.state = state.is;
  if (state.is === "live") shown.textContent = "Live";
  if (state.is === "connecting") shown.textContent = "Connecting…";
  if (state.is === "refused") {
    const again = Object.assign(document.createElement("button"), { type: "button", textContent: "Try again" });
    again.addEventListener("click", tryAgain);
    shown.replaceChildren(`Refused: ${state.why}`, again);
  }
  if (state.is === "waiting") {
    shown.textContent = "Reconnecting; the numbers are from before";
    shown.title = state.why;
  }
}

// ---- the tabs and their rooms ----

// One question for all tabs, since a browser opens no more than six connections to a host. One at a time, and then
// another if something newer has come meanwhile.
async function askForTheRest() {
  if (isAsking) return;
  isAsking = true;
  for (let done = -1; done < reached; ) {
    const sequence = reached;
    try {
      const filter = chosen === ALL ? "" : `&roomTags=${encodeURIComponent(chosen)}`;
      const [tabs, rooms] = await Promise.all([
        ask(`/badges/byRoomTags?minSeq=${sequence}`, { method: "POST" }),
        ask(`/me/badge/rooms?sort=id&limit=50&minSeq=${sequence}${filter}`),
      ]);
      // A tag that no room has any more stays, with nothing unread.
      for (const tag in counted) if (tag !== ALL) counted[tag] = 0;
      Object.assign(counted, tabs.data);
      showTabs();
      showRooms(rooms.rooms);
      done = sequence;
    } catch (error) {
      // With the stream gone, the next badge that comes asks again.
      if (at("connection").dataset.state !== "live") break;
      await new Promise((again) => setTimeout(again, error.waitMs ?? 1000));
    }
  }
  isAsking = false;
}

async function ask(path, options = {}) {
  const answer = await fetch(settings.service + path, { ...options, headers: asking, cache: "no-store" });
  const body = await answer.json();
  if (!answer.ok) {
    const waitMs = Number(answer.headers.get("Retry-After") ?? 1) * 1000;
    throw Object.assign(new Error(body.error?.message), { waitMs });
  }
  return body.result;
}

function showTabs() {
  const tags = Object.keys(counted).filter((tag) => tag !== ALL).sort();
  for (const tag of [ALL, ...tags]) {
    let tab = [...at("tabs").children].find((tab) => tab.dataset.tag === tag);
    if (!tab) {
      tab = Object.assign(document.createElement("button"), { type: "button" });
      tab.dataset.tag = tag;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", "panel");
      const badge = Object.assign(document.createElement("span"), { className: "badge" });
      tab.append(document.createTextNode(tag), badge);
      tab.id = `tab-${at("tabs").children.length}`;
      tab.addEventListener("click", () => choose(tag));
      const after = [...at("tabs").children].find((other) => other.dataset.tag !== ALL && other.dataset.tag > tag);
      at("tabs").insertBefore(tab, tag === ALL ? at("tabs").firstChild : (after ?? null));
    }
    const isChosen = tag === chosen;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    tab.setAttribute("aria-label", `${tag}, ${counted[tag]} unread`);
    const badge = tab.querySelector(".badge");
    show(badge, counted[tag]);
    badge.classList.toggle("none", counted[tag] === 0);
    if (isChosen) at("panel").setAttribute("aria-labelledby", tab.id);
  }
}

function showRooms(rooms) {
  at("rooms").replaceChildren(...rooms.map(({ room, unread, mentions, tags }) => {
    const row = document.createElement("tr");
    const name = Object.assign(document.createElement("th"), { scope: "row", textContent: room });
    const cell = (text, className) => Object.assign(document.createElement("td"), { textContent: text, className });
    const badge = Object.assign(document.createElement("span"), { className: "badge", textContent: unread });
    badge.classList.toggle("none", unread === 0);
    const last = cell("", "number");
    last.append(badge);
    row.dataset.room = room;
    name.append(Object.assign(document.createElement("small"), { textContent: tags.join(", ") }));
    row.append(name, cell(mentions || "", "number"), last);
    return row;
  }));
}

function choose(tag) {
  chosen = tag;
  showTabs();
  askAnew();
}

// The question under way is about the tab before; it is followed by one about this tab.
async function askAnew() {
  while (isAsking) await new Promise((again) => setTimeout(again, 20));
  askForTheRest();
}

// Arrows, Home and End move between tabs, as readers of screens expect it.
at("tabs").addEventListener("keydown", (event) => {
  const tabs = [...at("tabs").children];
  const here = tabs.findIndex((tab) => tab.dataset.tag === chosen);
  const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const tab = tabs[(to + tabs.length) % tabs.length];
  choose(tab.dataset.tag);
  tab.focus();
});

// ---- the buttons ----

async function press(button) {
  const action = button.dataset.do;
  const said = at("said");
  button.disabled = true;
  try {
    const body = JSON.stringify({ do: action, room: at("room").value, user: at("sender").value });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("press", { method: "POST", headers, body });
    const told = await answer.json();
    said.textContent = told.said ?? told.problem;
    said.classList.toggle("is-problem", !answer.ok);
    if (answer.ok && button.id === "team") {
      const waits = action === "let_team_wait";
      button.dataset.do = waits ? "let_team_chat" : "let_team_wait";
      button.textContent = waits ? "Let the team chat" : "Let the team wait";
    }
  } catch {
    said.textContent = "The demo does not answer: has `cargo xtask dev` ended?";
    said.classList.add("is-problem");
  }
  button.disabled = false;
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  press(event.submitter);
});
for (const button of at("form").querySelectorAll("button[type=button]")) {
  button.addEventListener("click", () => press(button));
}

function showMembers() {
  const { members } = settings.rooms.find((room) => room.name === at("room").value);
  const options = members.map((member) => new Option(member === settings.user ? `${member} (you)` : member, member));
  at("sender").replaceChildren(...options);
  at("sender").value = members.find((member) => member !== settings.user);
}

at("user").textContent = settings.user;
at("room").replaceChildren(...settings.rooms.map((room) => new Option(room.name)));
at("room").addEventListener("change", showMembers);
showMembers();
const tryAgain = live(`${settings.service}/me/badge/live`, asking, { state: showState, badge: showIcon });
