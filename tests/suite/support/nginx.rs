//! A real nginx on loopback, from Debian's package: it serves a directory, like the server of a mirror, or passes requests on.

use std::fs;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::skip;

/// A running server; stopped when dropped.
pub struct Nginx {
    child: Child,
    directory: TempDir,
    port: u16,
}

impl Nginx {
    /// Serves a directory. Recorded as skipped if nginx is missing.
    pub fn serving(root: &Path) -> Option<Self> {
        Self::with(&format!("root \"{}\"; location /forbidden/ {{ return 403; }}", root.display()))
    }

    /// A server with these directives. Recorded as skipped if nginx is missing.
    pub fn with(directives: &str) -> Option<Self> {
        let Some(program) = program() else {
            skip::record("what is behind a real server", "install nginx (Debian: nginx-light)");
            return None;
        };
        // Another process may take the port before nginx.
        (0..5).find_map(|_| Self::start(&program, directives))
    }

    fn start(program: &Path, directives: &str) -> Option<Self> {
        let directory = tempfile::Builder::new().prefix("reproq-nginx-").tempdir().expect("a directory");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let own = directory.path().display();
        let kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let kept: String = kept.iter().map(|name| format!("    {name}_temp_path {own}/{name};\n")).collect();
        let settings = format!(
            "daemon off;\nmaster_process off;\npid {own}/pid;\nerror_log {own}/error.log;\n\
             events {{}}\n\
             http {{\n{kept}    \
             log_format asked '$request $status [$http_authorization] [$http_cookie]';\n    \
             access_log {own}/access.log asked;\n    \
             server {{ listen 127.0.0.1:{port}; {directives} }}\n}}\n"
        );
        fs::write(directory.path().join("nginx.conf"), settings).expect("written");
        let mut command = Command::new(program);
        command.arg("-p").arg(directory.path()).arg("-c").arg(directory.path().join("nginx.conf"));
        command.arg("-e").arg(directory.path().join("error.log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("nginx starts");
        let mut server = Self { child, directory, port };
        for _ in 0..500 {
            if server.child.try_wait().expect("its state").is_some() {
                return None;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            sleep(Duration::from_millis(10));
        }
        None
    }

    /// Its URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A URL on it without read permission.
    pub fn forbidden_url(&self) -> String {
        format!("{}/forbidden", self.url())
    }

    /// The requests so far: request line, status, and the headers that could contain a token.
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.directory.path().join("access.log")).unwrap_or_default();
        log.lines().filter(|line| line.starts_with("GET ")).map(str::to_owned).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    directories.map(|directory| directory.join("nginx")).find(|program| program.is_file())
}
