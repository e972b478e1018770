//! The program as a process that is still running.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::context::TestContext;

pub fn start(context: &TestContext, arguments: &[&str]) -> Child {
    context
        .command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, signal).unwrap();
}

pub fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "{what} never came"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
