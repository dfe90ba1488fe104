//! Installs what a command needs and the machine lacks, and says so.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::shell::{capture, root, run};

/// Plugins are built for this target.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// Makes sure that cargo can build plugins.
pub(crate) fn wasm_target() -> Result<()> {
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .current_dir(root())
        .output()
        .context("cannot start `rustup`, which installs the Wasm target: see https://rustup.rs")?;
    if String::from_utf8_lossy(&installed.stdout).lines().any(|target| target == WASM_TARGET) {
        return Ok(());
    }
    println!("installing the target {WASM_TARGET}, which plugins are built for");
    run(Command::new("rustup").args(["target", "add", WASM_TARGET]))
        .with_context(|| format!("type `rustup target add {WASM_TARGET}` and try again"))
}

/// Makes sure that there is a Redis server to start. Installed by whoever may, where the system says how: on Debian, by root.
pub(crate) fn redis() -> Result<()> {
    const TYPE: &str =
        "type `apt-get install -y redis-server` as root, or install Redis 7 as your system does it, and try again";
    if has("redis-server") && has("redis-cli") {
        return Ok(());
    }
    if !Path::new("/etc/debian_version").exists() || !is_root()? {
        bail!("`redis-server` is not here, which is needed for what runs over Redis: {TYPE}");
    }
    println!("installing redis-server, which is needed for what runs over Redis");
    let install = || run(&mut apt(&["install", "-y", "redis-server"]));
    // A machine that never asked what there is, such as a fresh container, does not find the package.
    install().or_else(|_| run(&mut apt(&["update"])).and_then(|()| install())).context(TYPE)
}

fn has(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn is_root() -> Result<bool> {
    Ok(capture(Command::new("id").arg("--user"))?.trim() == "0")
}

/// `apt-get`, which asks nothing and starts nothing that it installs.
fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    command
}
