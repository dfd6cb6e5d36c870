//! The keeper: a small process beside the worker that starts the fork server, starts it again when it ends or when the code has
//! changed, passes the connections of the clients to it, and ends everything when the worker has ended. It never imports Python, so
//! it outlives whatever the project's code does.
#![expect(clippy::disallowed_methods, reason = "this is a program of its own, which watches the fork server")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitOptions;

use crate::io::ipc;
use crate::worker::prefork::PreforkProject;
use crate::worker::prefork::ServerStatus;
use crate::worker::prefork::project;
use crate::worker::prefork::protocol;
use crate::worker::prefork::protocol::Loaded;
use crate::worker::prefork::signals::Signals;
use crate::worker::prefork::state::Generation;
use crate::worker::prefork::state::KeeperAction;
use crate::worker::prefork::state::ServerEvent;
use crate::worker::prefork::state::Servers;

/// The name by which this program is the keeper.
const NAME: &str = "reproq-keeper";

/// Loads `server.py` as a module of its own, so that `__main__` belongs to the task.
const BOOTSTRAP: &str = "import sys, types; \
    m = sys.modules['reproq_prefork'] = types.ModuleType('reproq_prefork'); m.__file__ = sys.argv[1]; \
    exec(compile(open(m.__file__, encoding='utf-8').read(), m.__file__, 'exec'), m.__dict__)";

/// How often the files of the code are compared.
const WATCH: Duration = Duration::from_secs(2);

/// How often they are compared once they have changed: they must be the same twice before they are imported.
const QUIET: Duration = Duration::from_secs(1);

/// How often the memory of the server is measured.
const MEASURE: Duration = Duration::from_secs(30);

/// A server is replaced when its own memory has grown by this much, and by half.
const GROWTH: u64 = 64 * 1024 * 1024;

/// How often the worker is looked for on a system that cannot tell when it ends.
const LOOK: Duration = Duration::from_millis(500);

/// How long a server may take to end its tasks when the worker has ended, before it is killed.
const END: Duration = Duration::from_secs(1);

/// How long a command may take to say what it wants.
const COMMAND: Duration = Duration::from_secs(1);

/// The most bytes of a server's answer, and of a command.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// The command line of the keeper.
pub(super) fn command(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg0(NAME).arg(directory);
    // A Ctrl-C in the terminal is for the worker.
    command.process_group(0);
    command
}

/// The private directory of the keeper, if this program was started as one.
pub(crate) fn directory_of(arguments: &[std::ffi::OsString]) -> Option<PathBuf> {
    match arguments {
        [name, directory] if name == NAME => Some(directory.into()),
        _ => None,
    }
}

/// Watches the fork server until the worker has ended. Returns the exit code.
pub(crate) fn keep(directory: &Path) -> u8 {
    match Keeper::new(directory).and_then(|mut keeper| keeper.run()) {
        Ok(()) => 0,
        Err(error) => {
            say(&format!("the fork server is not watched any more: {error}"));
            1
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(io::stderr(), "[reproq] {text}");
}

/// A fork server.
struct Server {
    pid: Pid,
    control: UnixStream,
    /// What it prints, which is passed on.
    outputs: Vec<OwnedFd>,
    /// Its answer so far.
    answer: Vec<u8>,
    /// What it was measured at when it became ready, in bytes.
    memory: Option<u64>,
}

/// What a file was when the code was imported.
type Stamp = Option<(u64, u64, i64, i64)>;

struct Keeper {
    directory: PathBuf,
    project: PreforkProject,
    listener: UnixListener,
    commands: UnixListener,
    /// Readable when the worker has ended, if the system can tell.
    worker: Option<OwnedFd>,
    signals: Signals,
    started: Instant,
    servers: BTreeMap<Generation, Server>,
    state: Servers,
    files: Vec<PathBuf>,
    imported: Vec<Stamp>,
    changed: Option<Vec<Stamp>>,
    watch_at: Instant,
    measure_at: Instant,
    status: ServerStatus,
    /// Commands that wait for the end of a reload.
    waiting: Vec<UnixStream>,
    has_reported: bool,
}

impl Keeper {
    fn new(directory: &Path) -> io::Result<Self> {
        let text = fs::read(directory.join(project::PROJECT_FILE))?;
        let project: PreforkProject = serde_json::from_slice(&text)?;
        let signals = Signals::register(&[Signal::CHILD, Signal::HUP, Signal::TERM, Signal::INT].map(Signal::as_raw))?;
        let listener = ipc::listen(&directory.join(project::SOCKET))?;
        let commands = ipc::listen(&directory.join(project::CONTROL_SOCKET))?;
        listener.set_nonblocking(true)?;
        commands.set_nonblocking(true)?;
        // What tasks leave behind becomes a child of this process, and ends with it.
        #[cfg(target_os = "linux")]
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let worker = worker_handle(project.worker);
        let now = Instant::now();
        Ok(Self {
            directory: directory.to_owned(),
            project,
            listener,
            commands,
            worker,
            signals,
            started: now,
            servers: BTreeMap::new(),
            state: Servers::default(),
            files: Vec::new(),
            imported: Vec::new(),
            changed: None,
            watch_at: now + WATCH,
            measure_at: now + MEASURE,
            status: ServerStatus::default(),
            waiting: Vec::new(),
            has_reported: false,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let actions = self.state.begin();
        self.act(actions);
        while self.is_worker_alive() {
            let readable = self.wait()?;
            self.reap();
            for number in self.signals.take() {
                // TERM and INT are for the worker, which ends first.
                if number == Signal::HUP.as_raw() {
                    self.happen(ServerEvent::Reload);
                }
            }
            if readable.listener {
                self.accept();
            }
            if readable.commands {
                self.command();
            }
            for generation in readable.servers {
                self.read(generation);
            }
            self.look_at_code();
            self.look_at_memory();
            self.happen(ServerEvent::Tick);
        }
        self.end();
        Ok(())
    }

    fn is_worker_alive(&self) -> bool {
        // The worker has taken the place of the process that started this one.
        let is_parent = rustix::process::getppid().is_some_and(|parent| {
            u32::try_from(parent.as_raw_nonzero().get()).is_ok_and(|parent| parent == self.project.worker)
        });
        let has_ended = self.worker.as_ref().is_some_and(|worker| {
            ipc::wait_readable(&[worker.as_fd()], Some(Duration::ZERO)).is_ok_and(|readable| readable == [true])
        });
        is_parent && !has_ended
    }

    fn happen(&mut self, event: ServerEvent) {
        let actions = self.state.on(event, self.started.elapsed());
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<KeeperAction>) {
        for action in actions {
            match action {
                KeeperAction::Start(generation) => match self.start() {
                    Ok(server) => {
                        self.servers.insert(generation, server);
                    }
                    Err(error) => {
                        self.status.problems =
                            vec![format!("{} cannot be started: {error}", self.project.python.display())];
                        self.happen(ServerEvent::Ended(generation));
                    }
                },
                KeeperAction::Serve(generation) => {
                    self.status.generation = generation;
                    self.status.pid = self.servers.get(&generation).map(|server| server.pid.as_raw_nonzero().get());
                    self.status.problems = Vec::new();
                    self.report();
                }
                KeeperAction::Drain(generation) => {
                    if let Some(server) = self.servers.get(&generation) {
                        let _ = (&server.control).write_all(&[protocol::DRAIN]);
                    }
                }
                KeeperAction::KeptOld => {
                    say(
                        "the changed code cannot be served; the tasks still run with the code that was imported before it:",
                    );
                    self.status.problems.iter().for_each(|problem| say(&format!("  {problem}")));
                    self.report();
                }
                KeeperAction::Plain(pause) => {
                    self.status.pid = None;
                    if self.has_reported || !self.status.problems.is_empty() {
                        say(&format!(
                            "plain Python runs the tasks; the fork server is started again in {} s:",
                            pause.as_secs_f64()
                        ));
                        self.status.problems.iter().for_each(|problem| say(&format!("  {problem}")));
                    }
                    self.report();
                }
            }
        }
    }

    /// Answers the commands that wait for the end of a start.
    fn report(&mut self) {
        let line = serde_json::to_string(&self.status).unwrap_or_default() + "\n";
        if !std::mem::replace(&mut self.has_reported, true) {
            let _ = io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush());
        }
        for mut waiting in self.waiting.drain(..) {
            let _ = waiting.write_all(line.as_bytes());
        }
    }

    fn start(&self) -> io::Result<Server> {
        let (control, of_server) = UnixStream::pair()?;
        let options = serde_json::json!({ "executor": self.project.executor, "allowed": self.project.allowed });
        let mut command = Command::new(&self.project.python);
        command.args(["-c", BOOTSTRAP]).arg(self.directory.join(project::SERVER_FILE));
        command.arg(of_server.as_raw_fd().to_string()).arg(options.to_string());
        command.current_dir(&self.project.directory).process_group(0);
        // Pipes, as the worker gives its tasks, so that Python sets its streams up in the same way.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        ipc::set_inherited(&of_server, true)?;
        let mut child = command.spawn()?;
        let outputs = [child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from)];
        control.set_nonblocking(true)?;
        let pid = Pid::from_child(&child);
        Ok(Server { pid, control, outputs: outputs.into_iter().flatten().collect(), answer: Vec::new(), memory: None })
    }

    fn wait(&self) -> io::Result<Readable> {
        let mut files: Vec<BorrowedFd<'_>> =
            vec![self.signals.wake.as_fd(), self.listener.as_fd(), self.commands.as_fd()];
        files.extend(self.worker.as_ref().map(|worker| worker.as_fd()));
        let first_of_servers = files.len();
        let mut generations = Vec::new();
        for (generation, server) in &self.servers {
            files.push(server.control.as_fd());
            files.extend(server.outputs.iter().map(|output| output.as_fd()));
            generations.extend(std::iter::repeat_n(*generation, 1 + server.outputs.len()));
        }
        let now = Instant::now();
        let mut limit = self.watch_at.min(self.measure_at).saturating_duration_since(now);
        if let Some(at) = self.state.wake_at() {
            limit = limit.min(at.saturating_sub(self.started.elapsed()));
        }
        if self.worker.is_none() {
            limit = limit.min(LOOK);
        }
        let readable = ipc::wait_readable(&files, Some(limit))?;
        let mut servers: Vec<Generation> = readable[first_of_servers..]
            .iter()
            .zip(generations)
            .filter_map(|(is_readable, generation)| is_readable.then_some(generation))
            .collect();
        servers.dedup();
        Ok(Readable { listener: readable[1], commands: readable[2], servers })
    }

    /// Passes new connections to the server, or tells them that there is none.
    fn accept(&mut self) {
        while let Ok((client, _)) = self.listener.accept() {
            let server = self.state.serving().and_then(|generation| self.servers.get(&generation));
            let is_passed = server.is_some_and(|server| {
                ipc::send_with_files(&server.control, &[protocol::CONNECTION], &[client.as_fd()]).is_ok()
            });
            if !is_passed {
                let _ = (&client).write_all(&[protocol::REFUSE]);
            }
        }
    }

    /// Answers `reproq prefork status` and `reload`.
    fn command(&mut self) {
        while let Ok((mut stream, _)) = self.commands.accept() {
            let mut line = String::new();
            let _ = stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(COMMAND)));
            let _ = BufReader::new((&stream).take(LONGEST_LINE)).read_line(&mut line);
            if line == "reload\n" {
                self.waiting.push(stream);
                self.happen(ServerEvent::Reload);
            } else {
                self.status.memory = self.serving().and_then(|server| memory_of(server.pid));
                let _ = stream.write_all((serde_json::to_string(&self.status).unwrap_or_default() + "\n").as_bytes());
            }
        }
    }

    fn serving(&self) -> Option<&Server> {
        self.servers.get(&self.state.serving()?)
    }

    /// Reads what a server says, and passes on what it prints.
    fn read(&mut self, generation: Generation) {
        let Some(server) = self.servers.get_mut(&generation) else { return };
        server.outputs.retain(|output| {
            let is_readable = ipc::wait_readable(&[output.as_fd()], Some(Duration::ZERO));
            if !is_readable.is_ok_and(|readable| readable == [true]) {
                return true;
            }
            let mut piece = [0; 4096];
            let length = rustix::io::retry_on_intr(|| rustix::io::read(output, &mut piece)).unwrap_or(0);
            let _ = io::stderr().write_all(&piece[..length]);
            length > 0
        });
        let mut piece = [0; 65536];
        while let Ok(length @ 1..) = server.control.read(&mut piece) {
            server.answer.extend(&piece[..length]);
        }
        if server.answer.last() != Some(&b'\n') {
            return;
        }
        let answer = std::mem::take(&mut server.answer);
        match serde_json::from_slice::<Loaded>(&answer) {
            Ok(loaded) => self.loaded(generation, loaded),
            Err(error) => {
                self.status.problems = vec![format!("the fork server sent something else than it should: {error}")];
                self.happen(ServerEvent::Refused(generation));
            }
        }
    }

    fn loaded(&mut self, generation: Generation, loaded: Loaded) {
        let mut files = loaded.files;
        if !loaded.problems.is_empty() {
            // The server that serves was made of these, and one of them may be what is mended next.
            files.append(&mut self.files);
            files.sort();
            files.dedup();
        }
        self.imported = files.iter().map(|file| stamp(file)).collect();
        self.files = files;
        self.changed = None;
        if loaded.problems.is_empty() {
            if let Some(server) = self.servers.get_mut(&generation) {
                server.memory = memory_of(server.pid);
            }
            if self.status.warnings != loaded.warnings {
                loaded.warnings.iter().for_each(|warning| say(warning));
            }
            self.status.warnings = loaded.warnings;
            self.happen(ServerEvent::Ready(generation));
        } else {
            self.status.problems = loaded.problems;
            self.happen(ServerEvent::Refused(generation));
        }
    }

    /// Reaps servers, and what tasks left behind.
    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            let Some(generation) = self.servers.iter().find(|(_, server)| server.pid == pid).map(|(it, _)| *it) else {
                continue;
            };
            // Its last words.
            self.read(generation);
            self.servers.remove(&generation);
            if status.exit_status() != Some(0) {
                // Nobody waits for its tasks any more. Their clients say so to the worker.
                kill_children(&self.own_servers());
            }
            if self.state.starting() == Some(generation) || self.state.serving() == Some(generation) {
                let how = status.terminating_signal().map_or_else(
                    || format!("with exit code {}", status.exit_status().unwrap_or_default()),
                    |signal| format!("by signal {signal}"),
                );
                self.status.problems = vec![format!("the fork server ended {how}")];
            }
            self.happen(ServerEvent::Ended(generation));
        }
    }

    fn own_servers(&self) -> Vec<Pid> {
        self.servers.values().map(|server| server.pid).collect()
    }

    /// Starts a new server when the code has changed, and stayed the same since.
    fn look_at_code(&mut self) {
        let now = Instant::now();
        if now < self.watch_at {
            return;
        }
        let stamps: Vec<Stamp> = self.files.iter().map(|file| stamp(file)).collect();
        self.watch_at = now + WATCH;
        if stamps == self.imported {
            self.changed = None;
        } else if self.changed.as_ref() == Some(&stamps) {
            self.imported = stamps;
            self.changed = None;
            self.happen(ServerEvent::Reload);
        } else {
            self.changed = Some(stamps);
            self.watch_at = now + QUIET;
        }
    }

    /// Starts a new server when the serving one has grown.
    fn look_at_memory(&mut self) {
        let now = Instant::now();
        if now < self.measure_at {
            return;
        }
        self.measure_at = now + MEASURE;
        let has_grown = self.serving().is_some_and(|server| {
            let (at_start, today) = (server.memory.unwrap_or(u64::MAX), memory_of(server.pid).unwrap_or(0));
            today > at_start.saturating_add(GROWTH.max(at_start / 2))
        });
        if has_grown {
            self.happen(ServerEvent::Reload);
        }
    }

    /// Ends everything that was started for the worker.
    fn end(&mut self) {
        for name in [project::SOCKET, project::CONTROL_SOCKET] {
            let _ = fs::remove_file(self.directory.join(name));
        }
        for server in self.servers.values() {
            let _ = (&server.control).write_all(&[protocol::KILL]);
        }
        let deadline = Instant::now() + END;
        while !self.servers.is_empty() && Instant::now() < deadline {
            while let Ok(Some((pid, _))) = rustix::process::wait(WaitOptions::NOHANG) {
                self.servers.retain(|_, server| server.pid != pid);
            }
            thread::sleep(Duration::from_millis(2));
        }
        for server in self.servers.values() {
            let _ = rustix::process::kill_process(server.pid, Signal::KILL);
        }
        // What a killed process had started becomes a child of this one in turn.
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            kill_children(&[]);
            match rustix::process::wait(WaitOptions::NOHANG) {
                Err(_) => break,
                Ok(Some(_)) => {}
                Ok(None) => thread::sleep(Duration::from_millis(2)),
            }
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What can be read.
struct Readable {
    listener: bool,
    commands: bool,
    servers: Vec<Generation>,
}

/// A handle that tells when the worker ends.
#[cfg(target_os = "linux")]
fn worker_handle(worker: u32) -> Option<OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(worker).ok()?)?;
    // Old kernels and some containers have none.
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

/// Only Linux has such handles.
#[cfg(not(target_os = "linux"))]
fn worker_handle(_: u32) -> Option<OwnedFd> {
    None
}

fn stamp(file: &Path) -> Stamp {
    fs::metadata(file).ok().map(|found| (found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// The memory that belongs to a process alone, in bytes.
fn memory_of(pid: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", pid.as_raw_nonzero())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(1024))
}

/// Kills the children of this process and their groups, but for these.
fn kill_children(but: &[Pid]) {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(pid) = pid.filter(|pid| !but.contains(pid)) else { continue };
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // After the name, which may contain anything: the state, the parent, and the group.
        let mut fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(1);
        let mut number = || fields.next().and_then(|field| field.parse::<i32>().ok());
        let (parent, group) = (number(), number());
        if parent == Some(own) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            if group == Some(pid.as_raw_nonzero().get()) {
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            }
        }
    }
}
