//! A separate file system of any size and options, in a mount namespace that ends with it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use super::started_by;
use crate::support::Context;

/// A tmpfs at a directory, visible only in its namespace.
pub struct Volume {
    holder: Child,
    directory: PathBuf,
    is_user_namespace: bool,
}

impl Volume {
    /// Mounts one at an existing directory. `None` if mounting is not possible on this machine.
    pub fn mount(directory: &Path, options: &str) -> Option<Self> {
        // As an ordinary user in a user namespace that allows mounts; as root also without user namespaces.
        [&["--user", "--map-root-user", "--mount"][..], &["--mount"]].into_iter().find_map(|kind| {
            let script = "mount -t tmpfs -o \"$1\" tmpfs \"$0\" && cd \"$0\" && echo ready && read end";
            let mut holder = Command::new("unshare")
                .args(kind)
                .args(["sh", "-c", script])
                .arg(directory)
                .arg(options)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()?;
            let mut ready = [0; 6];
            let said = holder.stdout.as_mut().expect("piped").read_exact(&mut ready);
            let volume = Self { holder, directory: directory.to_owned(), is_user_namespace: kind.len() > 1 };
            said.is_ok().then_some(volume)
        })
    }

    /// A project on a volume, mounted at the usual project directory.
    pub fn project(options: &str) -> Option<(Self, Context)> {
        let mut context = Context::new();
        let volume = Self::mount(&context.project(), options)?;
        context.move_project(volume.path());
        Some((volume, context))
    }

    /// The directory as visible from outside the namespace.
    pub fn path(&self) -> PathBuf {
        let inside = self.directory.strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(inside)
    }

    /// A command of the context, run where the volume is mounted and in its directory.
    pub fn command(&self, context: &Context, arguments: &[&str]) -> Command {
        let mut command = started_by(self.enter(), &context.command(arguments));
        // Its directory exists only in the namespace.
        command.current_dir("/");
        command
    }

    /// Changes the mount's options.
    pub fn remount(&self, options: &str) {
        let status = self.enter().args(["mount", "-o"]).arg(format!("remount,{options}")).arg(&self.directory).status();
        assert!(status.expect("nsenter runs").success(), "remounted");
    }

    /// Leaves this many free blocks of 4 KiB.
    pub fn leave_blocks(&self, blocks: u64) {
        let path = self.path().join("filler");
        let mut filler = fs::File::create(&path).expect("created");
        let block = [0; 4096];
        let mut filled = 0;
        loop {
            match filler.write(&block) {
                Ok(written) => filled += written as u64,
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
        filler.set_len(filled - blocks * 4096).expect("shortened");
    }

    /// Leaves this many free inodes.
    pub fn leave_files(&self, count: usize) {
        let directory = self.path().join("filler");
        fs::create_dir(&directory).expect("created");
        let mut made = Vec::new();
        loop {
            let path = directory.join(made.len().to_string());
            match fs::File::create(&path) {
                Ok(_) => made.push(path),
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
        made.iter().rev().take(count).for_each(|path| fs::remove_file(path).expect("removed"));
    }

    /// Frees all space.
    pub fn free(&self) {
        let filler = self.path().join("filler");
        let removed = if filler.is_dir() { fs::remove_dir_all(&filler) } else { fs::remove_file(&filler) };
        removed.expect("removed");
    }

    fn enter(&self) -> Command {
        let mut command = Command::new(on_path("nsenter"));
        if self.is_user_namespace {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.args(["--mount", "--wd", "--target"]).arg(self.holder.id().to_string()).arg("--");
        command
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Closing its stdin ends the only process that keeps the namespace.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// A command of the context, run with `from` mounted at `at`, in a namespace that ends with it. `None` if mounting is not
/// possible on this machine.
pub fn bound(context: &Context, from: &Path, at: &Path, arguments: &[&str]) -> Option<Command> {
    [&["--user", "--map-root-user", "--mount"][..], &["--mount"]].into_iter().find_map(|kind| {
        let mounting = |script: &str| {
            let mut command = Command::new(on_path("unshare"));
            command.args(kind).args(["sh", "-c", script]).arg("sh").arg(from).arg(at);
            command
        };
        let mut probe = mounting("mount --bind \"$1\" \"$2\"");
        probe.stdout(Stdio::null()).stderr(Stdio::null());
        let can = probe.status().is_ok_and(|status| status.success());
        let script = "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\"";
        can.then(|| started_by(mounting(script), &context.command(arguments)))
    })
}

/// Resolved here, because the command's PATH is for the run it starts.
fn on_path(name: &str) -> PathBuf {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&directories)
        .map(|directory| directory.join(OsStr::new(name)))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| name.into())
}
