//! The demo page of `cargo xtask dev`, in a real browser.

use std::fs;
use std::net::TcpStream;

use serde_json::{Value, json};
use tests::{Browser, Demo, tallymark, until};

/// A browser that shows the page of a running demo.
struct Scene {
    // The browser goes first.
    browser: Browser,
    demo: Demo,
}

/// What can be seen: the number on the icon, those on the tabs, and the rooms of the tab that is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    icon: u64,
    tabs: Value,
    rooms: Value,
}

const SEEN: &str = "
    const number = (element) => Number(element.textContent || 0);
    const tabs = {}, rooms = {};
    for (const tab of document.querySelectorAll('[role=tab]')) {
        tabs[tab.dataset.tag] = number(tab.querySelector('.badge'));
    }
    for (const row of document.querySelectorAll('#rooms tr')) {
        rooms[row.dataset.room] = number(row.querySelector('.badge'));
    }
    return { icon: number(document.getElementById('badge')), tabs, rooms };";

impl Scene {
    fn start() -> Self {
        let demo = Demo::start();
        let browser = Browser::start();
        browser.resize(1200, 900);
        browser.open(&demo.page());
        Self { browser, demo }
    }

    fn seen(&self) -> Seen {
        let seen = self.browser.run(SEEN);
        let icon = seen["icon"].as_u64().unwrap();
        Seen { icon, tabs: seen["tabs"].clone(), rooms: seen["rooms"].clone() }
    }

    /// What has to be seen, with `tab` chosen, if nothing happens meanwhile.
    fn truth(&self, tab: &str) -> Seen {
        let icon = self.demo.ask("/me/badge")["badge"].as_u64().unwrap();
        let mut tabs = json!({ "All": icon });
        let mut rooms = json!({});
        for room in self.demo.ask("/me/badge/rooms")["rooms"].as_array().unwrap() {
            let of_room = room["tags"].as_array().unwrap();
            for tag in of_room {
                let tag = tag.as_str().unwrap();
                let badge = self.demo.ask(&format!("/me/badge?roomTags={tag}"))["badge"].clone();
                tabs[tag] = badge;
            }
            if tab == "All" || of_room.contains(&json!(tab)) {
                rooms[room["room"].as_str().unwrap()] = room["unread"].clone();
            }
        }
        Seen { icon, tabs, rooms }
    }

    /// Waits until the page shows what the service says; returns that. Tags that no room has any more don't matter.
    #[track_caller]
    fn agrees(&self, tab: &str) -> Seen {
        self.agrees_when(tab, |_| true)
    }

    /// Waits until so many messages are unread in a room, and everything else is what the service says.
    #[track_caller]
    fn has(&self, room: &str, unread: u64) -> Seen {
        self.agrees_when("All", |seen| seen.rooms[room] == json!(unread))
    }

    #[track_caller]
    fn agrees_when(&self, tab: &str, is_that: impl Fn(&Seen) -> bool) -> Seen {
        until("what the service says", || {
            let (mut seen, truth) = (self.seen(), self.truth(tab));
            if let (Value::Object(tabs), Value::Object(true_tabs)) = (&mut seen.tabs, &truth.tabs) {
                tabs.retain(|tag, count| true_tabs.contains_key(tag) || *count != json!(0));
            }
            if seen == truth && is_that(&seen) {
                Ok(seen)
            } else {
                Err(format!("{seen:?}, the service says {truth:?}"))
            }
        })
    }

    #[track_caller]
    fn shows(&self, selector: &str, text: &str) {
        until(&format!("{text:?} in {selector}"), || match self.browser.text(selector) {
            found if found == text => Ok(()),
            found => Err(found),
        });
    }

    /// Presses a button, and waits until it says that this happened.
    #[track_caller]
    fn press(&self, action: &str, said: &str) {
        self.browser.run("document.getElementById('said').textContent = ''");
        self.browser.click(&format!("button[data-do={action}]"));
        self.shows("#said", said);
    }

    #[track_caller]
    fn choose(&self, field: &str, value: &str) {
        self.browser.run(&format!(
            "const field = document.getElementById('{field}'); field.value = '{value}';
             if (field.value !== '{value}') throw new Error('there is no {value}');
             field.dispatchEvent(new Event('change'));"
        ));
    }
}

/// The numbers of what a button should change, in the room customer-acme.
#[track_caller]
fn check(before: &Seen, after: &Seen, by: i64) {
    let of = |seen: &Seen| {
        [
            json!(seen.icon),
            seen.tabs["All"].clone(),
            seen.tabs["sales"].clone(),
            seen.rooms["customer-acme"].clone(),
        ]
        .map(|number| number.as_i64().unwrap())
    };
    assert_eq!(of(after), of(before).map(|number| number + by), "{before:?} {after:?}");
}

#[test]
fn shows_every_change_at_once() {
    let scene = Scene::start();
    scene.shows("#connection", "Live");
    let first = until("a badge above zero", || match scene.seen().icon {
        0 => Err("0"),
        icon => Ok(icon),
    });
    until("a badge that moves", || match scene.seen().icon {
        icon if icon == first => Err(icon),
        _ => Ok(()),
    });
    until("the title of the page", || {
        let title = scene.browser.run("return document.title");
        if title.as_str().is_some_and(|title| title.starts_with('(')) { Ok(()) } else { Err(title) }
    });

    scene.press("let_team_wait", "the team waits");
    let room = "customer-acme";
    scene.choose("room", room);
    // When that is seen, what the team did before is too.
    scene.press("read", "customer-acme: ann read everything");
    scene.has(room, 0);
    scene.press("post", "customer-acme: chloe posted");
    scene.has(room, 1);
    scene.press("recall", "customer-acme: chloe recalled the newest");
    let read = scene.has(room, 0);
    assert_eq!(read.tabs["sales"], 0);

    scene.press("post", "customer-acme: chloe posted");
    scene.press("post", "customer-acme: chloe posted");
    check(&read, &scene.has(room, 2), 2);
    scene.press("recall", "customer-acme: chloe recalled the newest");
    check(&read, &scene.has(room, 1), 1);
    scene.press("read", "customer-acme: ann read everything");
    check(&read, &scene.has(room, 0), 0);
    scene.press("mark_unread", "customer-acme: ann marked the newest as unread");
    check(&read, &scene.has(room, 1), 1);
    // What one posts oneself does not count; what somebody posts after it does.
    scene.choose("sender", "ann");
    scene.press("post", "customer-acme: ann posted");
    scene.choose("sender", "emma");
    scene.press("post", "customer-acme: emma posted");
    check(&read, &scene.has(room, 2), 2);

    scene.browser.click("[role=tab][data-tag=sales]");
    let sales = scene.agrees("sales");
    assert_eq!(sales.rooms, json!({ "customer-acme": 2 }));
    assert_eq!(scene.browser.label("#panel"), "sales, 2 unread");
    scene.press("let_team_chat", "the team chats");
    until("a team that chats", || if scene.seen() == sales { Err("nothing new") } else { Ok(()) });
    assert_eq!(scene.browser.console(), [""; 0]);
    end(scene);
}

/// Both end, and so does everything that they started.
fn end(scene: Scene) {
    let Scene { browser, demo } = scene;
    drop(browser);
    let page = demo.page().replace("http://", "").replace('/', "");
    let service = demo.tallymark();
    let log = demo.printed();
    assert!(demo.stop(), "{log}");
    assert!(TcpStream::connect(page).is_err(), "the page is still there");
    assert!(TcpStream::connect(service).is_err(), "the service is still there");
}

#[test]
fn says_so_when_the_service_is_gone_and_recovers() {
    let scene = Scene::start();
    scene.shows("#connection", "Live");
    scene.press("let_team_wait", "the team waits");
    scene.choose("room", "ann-and-bob");
    scene.browser.run(
        "window.states = [];
         const shown = document.getElementById('connection');
         new MutationObserver(() => {
             const isOld = document.body.classList.contains('is-old');
             window.states.push([shown.dataset.state, isOld]);
         }).observe(shown, { childList: true });",
    );
    scene.press("restart_service", "the service was killed and started again");
    scene.shows("#connection", "Live");
    let states = scene.browser.run("return window.states");
    let states = states.as_array().unwrap();
    assert_eq!(
        (states.first(), states.last()),
        (Some(&json!(["waiting", true])), Some(&json!(["live", false])))
    );
    scene.press("read", "ann-and-bob: ann read everything");
    let read = scene.has("ann-and-bob", 0);
    scene.press("post", "ann-and-bob: bob posted");
    assert_eq!(scene.has("ann-and-bob", 1).icon, read.icon + 1);

    // A token that is no good is not tried again and again.
    let states = scene.browser.run(
        "const { live } = await import('/live.js');
         const settings = await (await fetch('/settings.json')).json();
         const headers = { 'IM-CLIENT-KEY': settings.clientKey, 'IM-Authorization': 'forged' };
         return new Promise((done) => {
             const states = [];
             const state = (state) => { states.push(state); setTimeout(() => done(states), 3000); };
             live(settings.service + '/me/badge/live', headers, { state, badge() {} });
         });",
    );
    assert_eq!(states, json!([{ "is": "refused", "why": "Invalid or expired token" }]));

    // A page elsewhere presses no button, and reads nothing.
    let page = scene.demo.page();
    scene.browser.open("data:text/html,<title>elsewhere</title>");
    let script = format!(
        "const press = {{ method: 'POST', mode: 'no-cors', body: '{{\"do\":\"let_team_chat\"}}' }};
         await fetch('{page}press', press).catch(() => {{}});
         return fetch('{page}settings.json').then(() => 'read', () => 'not read');"
    );
    assert_eq!(scene.browser.run(&script), "not read");
    scene.browser.open(&page);
    scene.agrees("All");
    assert!(!scene.demo.printed().contains("the team chats"), "{}", scene.demo.printed());
    end(scene);
}

/// Texts that are too faint against what they stand on, by the formula of WCAG 2.
const FAINT: &str = "
    const parse = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = parse(getComputedStyle(at).backgroundColor);
            if (color.length === 3 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    const faint = [];
    for (const element of document.body.querySelectorAll('*')) {
        const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!hasText || !element.checkVisibility() || element.tagName === 'NOSCRIPT') continue;
        const [one, other] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < 4.5) faint.push(`${element.tagName} ${element.textContent.trim()}: ${ratio.toFixed(2)}`);
    }
    return faint;";

#[test]
fn can_be_used_by_everybody() {
    let scene = Scene::start();
    let browser = &scene.browser;
    scene.shows("#connection", "Live");
    scene.press("let_team_wait", "the team waits");
    scene.press("read", "general: ann read everything");
    scene.has("general", 0);
    scene.press("post", "general: bob posted");
    let seen = scene.has("general", 1);
    for (selector, role, label) in [
        ("header", "banner", ""),
        ("main", "main", ""),
        ("footer", "contentinfo", ""),
        ("h1", "heading", "Tallymark demo"),
        ("section.phone", "region", "The app’s icon"),
        ("section.rooms", "region", "Rooms by tag"),
        ("section.do", "region", "Make something happen"),
        ("#connection", "status", ""),
        ("#said", "status", ""),
        ("#icon", "image", &format!("Chat, {} unread", seen.icon)),
        ("#tabs", "tablist", "Rooms by tag"),
        ("[role=tab]", "tab", &format!("All, {} unread", seen.icon)),
        ("#panel", "tabpanel", &format!("All, {} unread", seen.icon)),
        ("#rooms th", "rowheader", ""),
        ("#room", "combobox", "Room"),
        ("#sender", "combobox", "Who posts"),
        ("button[data-do=post]", "button", "Post a message"),
        ("button[data-do=restart_service]", "button", "Kill and restart the service"),
    ] {
        // Of what has a text of its own, the browser may say that too.
        let found = (browser.role(selector), browser.label(selector));
        assert!(found.0 == role || (role == "image" && found.0 == "img"), "{selector} {found:?}");
        assert!(label.is_empty() || found.1 == label, "{selector} {found:?}");
    }
    assert_eq!(browser.run("return document.documentElement.lang"), "en");
    assert_eq!(browser.run("return document.querySelectorAll('[aria-live], [role=status]').length"), 2);

    // With keys alone.
    browser.type_into("[role=tab][aria-selected=true]", "\u{E014}");
    let now = "return [document.activeElement.dataset.tag, document.querySelector('[aria-selected=true]').dataset.tag,
               document.querySelectorAll('[role=tab][tabindex=\"0\"]').length]";
    let second = browser.run("return document.querySelectorAll('[role=tab]')[1].dataset.tag");
    assert_eq!(browser.run(now), json!([second, second, 1]));
    scene.agrees(second.as_str().unwrap());
    browser.type_into("[role=tab][aria-selected=true]", "\u{E011}");
    assert_eq!(browser.run(now), json!(["All", "All", 1]));
    browser.run("document.getElementById('said').textContent = ''");
    browser.type_into("#room", "lunch");
    browser.type_into("button[data-do=post]", "\u{E007}");
    scene.shows("#said", "lunch: bob posted");

    let pictures = xtask::target().join("demo-page");
    for scheme in ["light", "dark"] {
        let media = |motion: &str| {
            let features = json!([{ "name": "prefers-color-scheme", "value": scheme },
                                  { "name": "prefers-reduced-motion", "value": motion }]);
            browser.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
        };
        let moved = "return getComputedStyle(document.querySelector('.badge.moved')).animationName";
        media("no-preference");
        assert_eq!(browser.run(moved), "moved");
        media("reduce");
        assert_eq!(browser.run(moved), "none");
        for (name, width, height) in [("desktop", 1200, 900), ("phone", 360, 1500)] {
            browser.resize(width, height);
            let overflow = browser.run("return document.documentElement.scrollWidth - innerWidth");
            assert_eq!(overflow, 0, "the page is wider than a {name}");
            let small = "return [...document.querySelectorAll('button, select')]
                .filter((field) => field.getBoundingClientRect().height < 24).length";
            assert_eq!(browser.run(small), 0, "a button is hard to hit on a {name}");
            browser.screenshot(&pictures.join(format!("{name}-{scheme}.png")));
        }
        for problem in [true, false] {
            browser
                .run(&format!("document.getElementById('said').classList.toggle('is-problem', {problem})"));
            assert_eq!(browser.run(FAINT), json!([]), "{scheme}");
        }
        for state in ["connecting", "waiting", "refused", "live"] {
            let show = format!(
                "document.getElementById('connection').dataset.state = '{state}';
                 document.body.classList.toggle('is-old', {});",
                state != "live"
            );
            browser.run(&show);
            assert_eq!(browser.run(FAINT), json!([]), "{scheme} {state}");
        }
    }
    assert_eq!(browser.console(), [""; 0]);
    end(scene);
}

#[test]
fn is_no_part_of_the_service() {
    let executable = fs::read(tallymark()).unwrap();
    let has = |text: &str| executable.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(has("/me/badge"), "this is another program");
    assert!(!has("Tallymark demo") && !has("restart_service"), "the demo page is in the executable");
}
