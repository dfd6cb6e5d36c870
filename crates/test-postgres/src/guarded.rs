//! A server that ends with this process, however it ends, and whose directory is removed then.

use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

/// Waits for the end of its input, which the system closes when this process ends, then stops the server.
const KEEPER: &str = r#"
log=$1 directory=$2 signal=$3
shift 3
"$@" </dev/null >"$log" 2>&1 &
server=$!
trap '' INT TERM HUP
cat >/dev/null
kill -s "$signal" "$server" 2>/dev/null
wait "$server"
rm -rf "$directory"
"#;

/// A running server.
pub struct Guarded {
    keeper: Child,
}

impl Guarded {
    /// Starts a server. The signal ends it.
    pub fn start(command: &[String], directory: &Path, signal: &str) -> Self {
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(directory.join("log")).arg(directory).arg(signal).args(command);
        // Ctrl-C at a terminal reaches this process, and through it the keeper.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut keeper, 0);
        keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { keeper: keeper.spawn().expect("a shell starts") }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
