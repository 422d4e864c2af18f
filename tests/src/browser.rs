//! A real browser without a screen, driven over WebDriver (<https://www.w3.org/TR/webdriver2>).

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::{Process, Tool};

use crate::http::Client;
use crate::settings;
use crate::wait::until;

/// How WebDriver names a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long the driver may take to end, its browser too.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What every browser here is started with. It talks to nobody but the page under test, and ends with the pipe over
/// which it is driven, however its driver ends.
const ARGUMENTS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--remote-debugging-pipe",
];

/// Chromium with a page, and its driver. Both end when this value is dropped.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    session: String,
    driver: Process,
    _home: TempDir,
}

impl Browser {
    /// A browser that has seen nothing yet.
    pub fn start() -> Self {
        let tools = Tool::find_or_install_all([&Tool::CHROMIUM, &Tool::CHROMEDRIVER]);
        let [browser, driver] = tools.unwrap_or_else(|error| panic!("{error}"));
        let home = settings::home();
        let log = home.path().join("chromedriver.log");
        let mut command = Command::new(driver);
        command.arg("--port=0").stdin(Stdio::null()).env("HOME", home.path());
        let mut driver =
            Process::start("chromedriver", &mut command, &log).expect("the driver can be started");
        let port = until("the port of the driver", || {
            let printed = fs::read_to_string(&log).unwrap_or_default();
            assert!(driver.ended().is_ok_and(|ended| ended.is_none()), "{}", driver.report("ended"));
            let (_, rest) = printed.split_once("started successfully on port ").ok_or(printed.clone())?;
            rest.split('.').next().and_then(|port| port.parse().ok()).ok_or(printed)
        });
        let client = Client::new(([127, 0, 0, 1], port).into());
        let profile = format!("--user-data-dir={}", home.path().join("profile").display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([profile.as_str()]).collect();
        let mut started = Self { client, session: String::new(), driver, _home: home };
        let asked = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "binary": browser, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = started.ask("POST", "/session", Some(&asked));
        started.session = session["sessionId"].as_str().expect("a session has an id").to_owned();
        started
    }

    /// Opens a page.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// What the body of a function returns in the page; `await` may be used.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        let script = format!("return (async () => {{ {script} }})()");
        self.command("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The text of an element, as it is seen; empty if it is hidden.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        self.of_element(selector, "text")
    }

    /// What an element is to those who do not see it.
    #[track_caller]
    pub fn role(&self, selector: &str) -> String {
        self.of_element(selector, "computedrole")
    }

    /// How it is called for them.
    #[track_caller]
    pub fn label(&self, selector: &str) -> String {
        self.of_element(selector, "computedlabel")
    }

    /// Clicks an element.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.command("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into an element. Keys without a letter have numbers from U+E000 on.
    #[track_caller]
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// A command of the browser's own protocol.
    #[track_caller]
    pub fn devtools(&self, command: &str, parameters: &Value) {
        let asked = json!({ "cmd": command, "params": parameters });
        self.command("POST", "/goog/cdp/execute", &asked);
    }

    /// Pretends a screen of this size, in pixels.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Writes what is seen to a PNG file.
    #[track_caller]
    pub fn screenshot(&self, file: &Path) {
        let encoded = self.ask("GET", &format!("/session/{}/screenshot", self.session), None);
        let picture = BASE64_STANDARD.decode(encoded.as_str().unwrap_or_default()).expect("a picture");
        fs::create_dir_all(file.parent().expect("a file lies in a directory")).expect("it can be made");
        fs::write(file, picture).expect("a picture can be written");
    }

    /// What the page, or the browser about it, wrote to its console since the last look.
    #[track_caller]
    pub fn console(&self) -> Vec<String> {
        let lines = self.command("POST", "/se/log", &json!({ "type": "browser" }));
        let lines = lines.as_array().into_iter().flatten();
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    #[track_caller]
    fn of_element(&self, selector: &str, what: &str) -> String {
        let element = self.element(selector);
        let said = self.ask("GET", &format!("/session/{}/element/{element}/{what}", self.session), None);
        said.as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let found = self.command("POST", "/element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().expect("an element has an id").to_owned()
    }

    #[track_caller]
    fn command(&self, method: &str, path: &str, asked: &Value) -> Value {
        self.ask(method, &format!("/session/{}{path}", self.session), Some(asked))
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, asked: Option<&Value>) -> Value {
        let body = asked.map(Value::to_string);
        let answer = self.client.send(method, path, &[("Content-Type", "application/json")], body.as_deref());
        let answer = answer.unwrap_or_else(|error| panic!("{}", self.driver.report(&error.to_string())));
        assert_eq!(answer.status, 200, "{method} {path} {asked:?}: {}", answer.body);
        answer.json()["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // In order, so that the browser is not left behind. A driver that is not there any more took it along.
        self.client.request("DELETE", &format!("/session/{}", self.session), &[]).ok();
        self.driver.stop(STOP_PATIENCE).ok();
    }
}
