//! docs/operating.md, from an empty machine to a restored backup: its commands, run as they stand there.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use tests::{home, tallymark, until};
use xtask::{Process, Tool};

/// Builds nothing: the executable is there already.
const CARGO: &str = "#!/bin/sh\nmkdir -p target/release && cp \"$TALLYMARK\" target/release/tallymark\n";

/// What the page leaves running is stopped at the end, whatever that is.
const PREAMBLE: &str = "set -eu\nset -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n";

/// The commands between the two marks.
fn commands(page: &str) -> String {
    let (_, rest) = page.split_once("<!-- run -->").expect("the beginning is marked");
    let (part, _) = rest.split_once("<!-- end of run -->").expect("the end is marked");
    let blocks = part.split("```sh\n").skip(1);
    blocks.map(|block| block.split_once("```").expect("the block ends").0).collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn tools(directory: &Path) {
    fs::create_dir(directory).unwrap();
    let cargo = directory.join("cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(Tool::NATS_SERVER.find_or_install().unwrap(), directory.join("nats-server")).unwrap();
}

#[test]
fn from_an_empty_machine_to_a_restored_backup() {
    let directory = home();
    let (path, tools_path) = (directory.path(), directory.path().join("tools"));
    tools(&tools_path);
    let page = fs::read_to_string(xtask::root().join("docs/operating.md")).unwrap();
    let mut script = format!("{PREAMBLE}{}", commands(&page));
    let ports = ["4222", "8080", "9090"].map(|port| {
        assert!(script.contains(port), "{port} is not in the page any more");
        let free = free_port();
        script = script.replace(port, &free.to_string());
        free
    });
    fs::write(path.join("script"), &script).unwrap();
    let log = path.join("printed");
    let mut command = Command::new("bash");
    let search = format!("{}:/usr/local/bin:/usr/bin:/bin", tools_path.display());
    command.arg(path.join("script")).current_dir(path).env_clear().stdin(Stdio::null());
    command.env("HOME", path).env("PATH", search).env("TALLYMARK", tallymark());
    let mut process = Process::start("bash", &mut command, &log).unwrap();
    let ended = process.wait(tests::PATIENCE).unwrap();
    let printed = fs::read_to_string(&log).unwrap();
    let serve_log = fs::read_to_string(path.join("tallymark/serve.log")).unwrap_or_default();
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}\n{printed}\n{serve_log}");
    drop(process);
    for port in ports {
        until(&format!("the end of what listens on port {port}"), || {
            TcpStream::connect(("127.0.0.1", port)).map_or(Ok(()), |_| Err("it listens"))
        });
    }

    // What the page promises on the way.
    for said in [
        "\"ready\":true",
        "whole: its rows have the digest it says",
        "answers come from generation 2 now",
        "answers come from generation 1 now",
        "generation 2 is removed",
        "4 lines: 4 published",
        "no service is running",
    ] {
        assert!(printed.contains(said), "nowhere {said:?}:\n{printed}");
    }
    let explained = printed.lines().filter(|line| line.starts_with("lobby ")).count();
    assert_eq!(explained, 2, "{printed}");
}
