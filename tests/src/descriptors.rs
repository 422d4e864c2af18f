//! How many files a process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Allows this process, and those that it starts from now on, so many open files. Panics if that can't be.
#[track_caller]
pub fn allow_descriptors(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    raised.unwrap_or_else(|error| {
        panic!("this needs {wanted} open files, and {limit:?} can't be raised to that ({error}): ulimit -Hn {wanted}")
    });
}
