//! Reads the world a build depends on into values: the checkout, what git knows of it, and the Go toolchain.
#![expect(clippy::disallowed_methods, reason = "checkouts are read and `git` and `go` are asked here")]

use std::collections::BTreeSet;
use std::env::consts::EXE_SUFFIX;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::build::apply::Captured;
use crate::build::apply::capture;
use crate::build::plan::without_steering;
use crate::build::request::Environment;
use crate::build::request::Go;
use crate::build::request::GoFacts;
use crate::build::request::GoVersion;
use crate::build::request::is_variable;
use crate::build::request::variable;
use crate::release::Tool;
use crate::secret::Secret;
use crate::text::printable_line;

/// How long `git` and `go` may think about a question.
const PATIENCE: Duration = Duration::from_secs(20);

/// No file a person wrote as source is larger; what is, is not read.
const TEXT_LIMIT: u64 = 4 * 1024 * 1024;

/// Everything git needs to run and to know whom it trusts. The rest, such as `GIT_DIR` inside a git hook, would make it
/// answer for another repository.
const GIT_NEEDS: [&str; 11] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "SYSTEMROOT",
    "TMPDIR",
    "TEMP",
    "TMP",
    "PATHEXT",
];

/// The user's Go settings that a build keeps: where modules come from, how they are checked, where caches lie.
const GO_SETTINGS: [&str; 11] = [
    "GOPROXY",
    "GOPRIVATE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOSUMDB",
    "GOINSECURE",
    "GOVCS",
    "GOAUTH",
    "GOMODCACHE",
    "GOCACHE",
    "GOTMPDIR",
];

/// What is known about a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFacts {
    /// Where it is.
    pub folder: PathBuf,
    /// What its `go.mod` says.
    pub go_mod: GoMod,
    /// Whether the tool's package is there and has Go files.
    pub has_package: bool,
    /// Whether it carries the modules it requires (`vendor/modules.txt`).
    pub vendored: bool,
    /// The version its main package declares; absent where it declares none, or several that differ.
    pub version: Option<String>,
    /// What git knows of it.
    pub git: GitFacts,
}

/// What a `go.mod` says, as far as a build needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoMod {
    /// The module's path.
    pub module: String,
    /// The least Go version it asks for.
    pub go: Option<GoVersion>,
    /// The toolchain it suggests; a local build never downloads one.
    pub toolchain: Option<String>,
    /// Whether it requires other modules.
    pub requires: bool,
}

/// What git knows of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitFacts {
    /// It is a working tree of this commit.
    Known {
        /// The commit's full hash.
        commit: String,
        /// Whether what would be built differs from the commit; absent where git did not say.
        dirty: Option<bool>,
    },
    /// Git could not tell.
    Unknown(GitUnknown),
}

impl GitFacts {
    /// The commit's full hash.
    pub fn commit(&self) -> Option<&str> {
        match self {
            Self::Known { commit, .. } => Some(commit),
            Self::Unknown(_) => None,
        }
    }

    /// Whether what would be built differs from the commit.
    pub fn dirty(&self) -> Option<bool> {
        match self {
            Self::Known { dirty, .. } => *dirty,
            Self::Unknown(_) => None,
        }
    }
}

/// Why git could not tell the commit of a checkout. None of these stops a build.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GitUnknown {
    /// There is no git.
    #[error("git was not found on PATH")]
    NoGit,
    /// There is no repository.
    #[error("the folder is not in a git repository")]
    NotARepository,
    /// There is a repository around it, of something else.
    #[error("the git repository around the folder does not track its go.mod")]
    NotTracked,
    /// The folder belongs to somebody else (`safe.directory`).
    #[error("git does not trust the folder, because another user owns it")]
    NotTrusted,
    /// Nothing was ever committed.
    #[error("the git repository has no commit yet")]
    NoCommit,
    /// Anything else, in git's words.
    #[error("git failed: {0}")]
    Failed(String),
}

/// Why a checkout cannot be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// Nothing is there.
    #[error("expected a checkout at {0}, found nothing")]
    Missing(PathBuf),
    /// Something else is there.
    #[error("expected a checkout at {0}, found a file")]
    NotAFolder(PathBuf),
    /// The folder is not a Go module.
    #[error("expected the source of a Go module in {0}, found no go.mod")]
    NoGoMod(PathBuf),
    /// The folder's `go.mod` is not one.
    #[error("cannot understand {path}")]
    BadGoMod {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        source: GoModError,
    },
    /// The file system says no.
    #[error("cannot read {path}")]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// Why it was not.
        #[source]
        source: io::Error,
    },
}

/// Why a text is not a `go.mod`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GoModError {
    /// One line cannot be understood.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It never says which module it is.
    #[error("it names no module")]
    NoModule,
}

impl SourceFacts {
    /// Looks at a checkout. Asks git, if there is one, and changes nothing.
    pub fn read(folder: &Path, tool: &Tool, environment: &Environment) -> Result<Self, SourceError> {
        match fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(SourceError::NotAFolder(folder.to_owned())),
            Err(error) if is_absent(&error) => return Err(SourceError::Missing(folder.to_owned())),
            Err(source) => return Err(SourceError::Unreadable { path: folder.to_owned(), source }),
        }
        let path = folder.join("go.mod");
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Err(SourceError::NoGoMod(folder.to_owned())),
            Err(source) => return Err(SourceError::Unreadable { path, source }),
        };
        let go_mod = parse_go_mod(&text).map_err(|source| SourceError::BadGoMod { path, source })?;
        let files = go_files(&folder.join(tool.go_package))?;
        Ok(Self {
            folder: folder.to_owned(),
            go_mod,
            has_package: !files.is_empty(),
            vendored: folder.join("vendor/modules.txt").is_file(),
            version: declared_version(&files)?,
            git: git_facts(folder, environment),
        })
    }
}

impl GoFacts {
    /// Looks for Go on the `PATH` of this environment, then in its `GOROOT`, and asks what it is. Relative entries of
    /// `PATH` are passed over, as Go's own tools do: they would run whatever lies in the current folder.
    pub fn find(environment: &Environment) -> Self {
        let in_root = variable(environment, "GOROOT").map(|root| Path::new(root).join("bin"));
        match find_program("go", environment, in_root) {
            Ok(program) => match ask_go(&program, environment) {
                Ok(go) => Self::Found(go),
                Err(reason) => Self::Unusable { program, reason },
            },
            Err(searched) => Self::Missing { searched },
        }
    }
}

/// Parses a `go.mod`: strict about what a build needs, tolerant of comments, blocks, quotes and directives of the future.
pub fn parse_go_mod(text: &str) -> Result<GoMod, GoModError> {
    let mut module = None;
    let mut found = GoMod { module: String::new(), go: None, toolchain: None, requires: false };
    let mut block: Option<String> = None;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let wrong = |problem: String| GoModError::Line { line: index + 1, problem };
        let words = go_mod_words(line).map_err(&wrong)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (verb, arguments) = match (block.take(), words.as_slice()) {
            (open, []) => {
                block = open;
                continue;
            }
            (Some(_), [")"]) | (None, [_, "(", ")"]) => continue,
            (None, [verb, "("]) => {
                block = Some((*verb).to_owned());
                continue;
            }
            (Some(verb), arguments) => {
                block = Some(verb.clone());
                (verb, arguments)
            }
            (None, [verb, arguments @ ..]) => ((*verb).to_owned(), arguments),
        };
        match (verb.as_str(), arguments) {
            ("module", [path]) if module.is_none() => module = Some((*path).to_owned()),
            ("go", [version]) if found.go.is_none() => {
                let parsed = GoVersion::parse(version);
                found.go = Some(parsed.ok_or_else(|| wrong(format!("`{version}` is not a Go version")))?);
            }
            ("toolchain", [name]) if found.toolchain.is_none() => found.toolchain = Some((*name).to_owned()),
            ("require", [_, _]) => found.requires = true,
            ("module" | "go" | "toolchain" | "require" | "(" | ")", _) => {
                return Err(wrong(format!("unexpected `{verb}`")));
            }
            _ => {}
        }
    }
    if block.is_some() {
        return Err(GoModError::Line { line: text.lines().count(), problem: "a block is not closed".to_owned() });
    }
    module.map(|module| GoMod { module, ..found }).ok_or(GoModError::NoModule)
}

/// The words of one line: what stands between spaces or quotes, and each parenthesis by itself; no comments.
fn go_mod_words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next().filter(|_| !rest.starts_with("//")) {
        let (word, after) = match first {
            '"' | '`' => quoted(rest).ok_or("a quote is not closed")?,
            '(' | ')' => (first.to_string(), &rest[1..]),
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')');
                let end = [rest.find(ends), rest.find("//")].into_iter().flatten().min().unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

/// Splits a Go string literal from the start of the text: its value and what follows. A backslash stands for the next
/// character, which is all that paths need.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut characters = text.char_indices();
    let (_, quote) = characters.next()?;
    let mut value = String::new();
    while let Some((at, c)) = characters.next() {
        match c {
            c if c == quote => return Some((value, &text[at + c.len_utf8()..])),
            '\\' if quote != '`' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// A piece of Go source, as far as finding a constant needs it.
#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
    LineEnd,
}

/// The value of a `Version` that Go source declares at its top level, by `const` or `var`, alone or in a block, as one
/// string literal. Comments and strings that look like it are passed over.
pub fn version_constant(text: &str) -> Option<String> {
    let tokens = go_tokens(text);
    let mut depth = 0_usize;
    let mut in_block = false;
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &tokens[before]);
        let is_keyword = |token: &Token| matches!(token, Token::Word(word) if word == "const" || word == "var");
        match token {
            Token::Mark('(' | '{' | '[') => {
                in_block |= depth == 0 && before.is_some_and(is_keyword);
                depth += 1;
            }
            Token::Mark(')' | '}' | ']') => {
                depth = depth.saturating_sub(1);
                in_block &= depth > 0;
            }
            Token::Word(name) if name == "Version" => {
                let alone = depth == 0 && before.is_some_and(is_keyword);
                let opens = |token: &Token| matches!(token, Token::LineEnd | Token::Mark(';' | '('));
                let listed = in_block && depth == 1 && before.is_some_and(opens);
                let value = if alone || listed { string_value(&tokens[index + 1..]) } else { None };
                if value.is_some() {
                    return value;
                }
            }
            Token::Word(_) | Token::Text(_) | Token::Mark(_) | Token::LineEnd => {}
        }
    }
    None
}

/// The literal a declaration assigns, if that is all it assigns.
fn string_value(tokens: &[Token]) -> Option<String> {
    let ([Token::Mark('='), assigned @ ..] | [Token::Word(_), Token::Mark('='), assigned @ ..]) = tokens else {
        return None;
    };
    match assigned {
        [Token::Text(value)] | [Token::Text(value), Token::LineEnd | Token::Mark(';' | ')'), ..] => Some(value.clone()),
        _ => None,
    }
}

fn go_tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some((value, after)) = Some(rest).filter(|_| matches!(first, '"' | '`' | '\'')).and_then(quoted) {
            tokens.push(Token::Text(value));
            rest.len() - after.len()
        } else if is_word(first) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        } else {
            match first {
                '\n' => tokens.push(Token::LineEnd),
                c if c.is_whitespace() => {}
                c => tokens.push(Token::Mark(c)),
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The Go files of a package that are not tests. A folder that is not there has none.
fn go_files(folder: &Path) -> Result<BTreeSet<PathBuf>, SourceError> {
    let unreadable = |source| SourceError::Unreadable { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(BTreeSet::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut files = BTreeSet::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        if name.ends_with(".go") && !name.ends_with("_test.go") && path.is_file() {
            files.insert(path);
        }
    }
    Ok(files)
}

/// The one version these files declare. Two that differ belong to different builds, and which is meant only Go knows.
fn declared_version(files: &BTreeSet<PathBuf>) -> Result<Option<String>, SourceError> {
    let mut versions = BTreeSet::new();
    for path in files {
        let text = read_text(path).map_err(|source| SourceError::Unreadable { path: path.clone(), source })?;
        versions.extend(version_constant(&text));
    }
    Ok(if versions.len() == 1 { versions.pop_first() } else { None })
}

fn read_text(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for somebody to write to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut text = String::new();
    fs::File::open(path)?.take(TEXT_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > TEXT_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than any source file"));
    }
    Ok(text)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Asks git for the commit of a checkout and whether what would be built differs from it.
fn git_facts(folder: &Path, environment: &Environment) -> GitFacts {
    let Ok(git) = find_program("git", environment, None) else {
        return GitFacts::Unknown(GitUnknown::NoGit);
    };
    let environment = git_environment(environment);
    let ask = |arguments: &[&str]| -> Result<String, GitUnknown> {
        // A file system monitor is a program of the repository's choice; a question must not start it.
        let common = ["-c", "core.fsmonitor=false", "-C"].map(OsStr::new).into_iter().chain([folder.as_os_str()]);
        let arguments: Vec<&OsStr> = common.chain(arguments.iter().map(OsStr::new)).collect();
        match capture(&git, &arguments, None, &environment, PATIENCE) {
            Ok(answer) if answer.success => Ok(answer.stdout),
            Ok(answer) => Err(git_unknown(&answer)),
            Err(error) => Err(GitUnknown::Failed(error.to_string())),
        }
    };
    // A copy of the source inside another project's repository has that project's commit, which says nothing of it.
    let tracked = ask(&["ls-files", "--error-unmatch", "--", "go.mod"]);
    match tracked.and_then(|_| ask(&["rev-parse", "--verify", "HEAD"])) {
        Ok(answer) if answer.trim().bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            let status = ask(&["status", "--porcelain", "-z", "--untracked-files=all", "--", "."]);
            let dirty = status.ok().map(|status| status.split('\0').any(changes_the_build));
            GitFacts::Known { commit: answer.trim().to_owned(), dirty }
        }
        Ok(answer) => GitFacts::Unknown(GitUnknown::Failed(printable_line(&answer))),
        Err(reason) => GitFacts::Unknown(reason),
    }
}

/// Whether a line of `git status` means that the build is not the commit's: any change of a tracked file, and of the
/// untracked ones those that Go compiles. A stray log or an earlier build's binary changes nothing.
fn changes_the_build(entry: &str) -> bool {
    match entry.strip_prefix("?? ") {
        Some(untracked) => {
            let compiled = [".go", ".s", ".h", ".syso"].iter().any(|suffix| untracked.ends_with(suffix));
            compiled && !untracked.ends_with("_test.go") || untracked.ends_with("vendor/modules.txt")
        }
        None => !entry.is_empty(),
    }
}

fn git_unknown(answer: &Captured) -> GitUnknown {
    let says = |words: &str| answer.stderr.contains(words);
    if says("dubious ownership") {
        GitUnknown::NotTrusted
    } else if says("not a git repository") {
        GitUnknown::NotARepository
    } else if says("did not match any file") {
        GitUnknown::NotTracked
    } else if says("Needed a single revision") {
        GitUnknown::NoCommit
    } else {
        GitUnknown::Failed(answer.complaint())
    }
}

fn git_environment(environment: &Environment) -> Vec<(OsString, OsString)> {
    let needed = |name: &OsStr| GIT_NEEDS.iter().any(|needed| is_variable(name, needed));
    let mut variables: Vec<_> = environment.iter().filter(|(name, _)| needed(name)).cloned().collect();
    // No lock that would disturb a `git commit` next door; English, because the reasons are read; nobody to ask.
    let fixed =
        [("GIT_OPTIONAL_LOCKS", "0"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C")];
    variables.extend(fixed.map(|(name, value)| (name.into(), value.into())));
    variables
}

/// Asks a `go` for its version and its user's settings.
fn ask_go(program: &Path, environment: &Environment) -> Result<Go, String> {
    let mut environment = without_steering(environment);
    environment.retain(|(name, _)| !is_variable(name, "GOTOOLCHAIN"));
    environment.extend([("GOTOOLCHAIN", "local"), ("GOWORK", "off")].map(|(name, value)| (name.into(), value.into())));
    let ask = |arguments: &[&str]| -> Result<String, String> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        // In its own folder, because what lies in the current one can change the answers.
        match capture(program, &arguments, program.parent(), &environment, PATIENCE) {
            Ok(answer) if answer.success => Ok(answer.stdout),
            Ok(answer) => Err(answer.complaint()),
            Err(error) => Err(error.to_string()),
        }
    };
    let question: Vec<&str> = ["env", "-json", "GOVERSION"].into_iter().chain(GO_SETTINGS).collect();
    let answer = ask(&question)?;
    let answer: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&answer).map_err(|_| "`go env -json` did not print JSON".to_owned())?;
    let text = |name: &str| answer.get(name).and_then(serde_json::Value::as_str).filter(|value| !value.is_empty());
    // Go before 1.16 does not know GOVERSION.
    let name = match text("GOVERSION") {
        Some(name) => name.to_owned(),
        None => ask(&["version"])?.trim().trim_start_matches("go version ").to_owned(),
    };
    let settings = GO_SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), Secret::new(text(name)?.into()))));
    Ok(Go { program: program.to_owned(), version: GoVersion::of_toolchain(&name), settings: settings.collect(), name })
}

/// Finds a program in the absolute folders of `PATH`, then in one more; else says where it was looked for.
fn find_program(name: &str, environment: &Environment, last: Option<PathBuf>) -> Result<PathBuf, Vec<PathBuf>> {
    let path = variable(environment, "PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(path).chain(last).filter(|folder| folder.is_absolute()).collect();
    let file = format!("{name}{EXE_SUFFIX}");
    folders.iter().map(|folder| folder.join(&file)).find(|path| is_executable(path)).ok_or(folders)
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    const WORKER: Tool = Tool::WORKER;

    fn go_mod(module: &str, go: Option<&str>, toolchain: Option<&str>, requires: bool) -> GoMod {
        let go = go.map(|text| GoVersion::parse(text).expect("a Go version"));
        GoMod { module: module.to_owned(), go, toolchain: toolchain.map(str::to_owned), requires }
    }

    #[test]
    fn go_mod_in_every_dress() {
        let cases = [
            ("module reproq-worker\n\ngo 1.21\n", go_mod("reproq-worker", Some("1.21"), None, false)),
            ("module m", go_mod("m", None, None, false)),
            ("\u{feff}module m\r\ngo 1.24.0\r\n", go_mod("m", Some("1.24.0"), None, false)),
            (
                "// go 1.9\nmodule \"m/v2\" // Deprecated: x\ngo 1.25rc1//x",
                go_mod("m/v2", Some("1.25rc1"), None, false),
            ),
            ("module `m`\ntoolchain go1.24.4\n", go_mod("m", None, Some("go1.24.4"), false)),
            ("module (\n\tm\n)\nrequire (\n)\n", go_mod("m", None, None, false)),
            ("module m\nrequire ()\n", go_mod("m", None, None, false)),
            ("module m\nrequire a.test/b v1.0.0 // indirect", go_mod("m", None, None, true)),
            ("module m\nrequire(\n // none\n\n \"a\" v1\n) // end\ngo 1.21", go_mod("m", Some("1.21"), None, true)),
            (
                "module m\nreplace a => \"C:\\\\b\"\nretract [v1.0.0, v1.1.0]\nfuture (\n module x\n)\ntool a/b\n",
                go_mod("m", None, None, false),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_go_mod(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn go_mod_that_cannot_be_meant() {
        let line = |line, problem: &str| GoModError::Line { line, problem: problem.to_owned() };
        let cases = [
            ("", GoModError::NoModule),
            ("go 1.21\n// module m", GoModError::NoModule),
            ("module", line(1, "unexpected `module`")),
            ("module a b", line(1, "unexpected `module`")),
            ("module a\nmodule b", line(2, "unexpected `module`")),
            ("module a\n\ngo 1.21\ngo 1.22", line(4, "unexpected `go`")),
            ("module a\ngo latest", line(2, "`latest` is not a Go version")),
            ("module a\nrequire b", line(2, "unexpected `require`")),
            ("module a\n)", line(2, "unexpected `)`")),
            ("module \"a", line(1, "a quote is not closed")),
            ("module a\nrequire (\n b v1\n", line(3, "a block is not closed")),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_go_mod(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn the_version_is_read_where_go_declares_it() {
        let cases = [
            ("package main\nconst Version = \"0.0.144\"\n", Some("0.0.144")),
            ("const Version string = \"1.0.0\"", Some("1.0.0")),
            ("var Version = `1.0.0` // set at release", Some("1.0.0")),
            ("const (\n\tA = iota\n\tVersion = \"1.0.0\"\n)", Some("1.0.0")),
            ("const (Version = \"1.0.0\"; B = 2)", Some("1.0.0")),
            ("const(\n A = f(1)\n Version /* the */ = /* one */ \"2.0.0\")", Some("2.0.0")),
            ("const quote = '\"'\nconst Version = \"3.0.0\"", Some("3.0.0")),
            ("const x = \"\\\"\"\nconst Version = \"3.0.0\"", Some("3.0.0")),
            ("// const Version = \"9\"\n/* const Version = \"9\" */", None),
            ("const help = `\nconst Version = \"9\"\n`", None),
            ("func f() {\n\tconst Version = \"9\"\n}", None),
            ("func f() {\n\tconst (\n\tVersion = \"9\"\n)\n}", None),
            ("const Versions = \"9\"\nconst MyVersion = \"9\"", None),
            ("const Version = \"9\" + suffix", None),
            ("const Version = 9", None),
            ("type T struct {\n Version string\n}\nvar t = T{\nVersion: \"9\"}", None),
            ("var (\n t = f(\nVersion = \"9\")\n)", None),
            ("x.Version = \"9\"\nVersion = \"9\"", None),
            ("const Version = \"9", None),
        ];
        for (text, expected) in cases {
            assert_eq!(version_constant(text).as_deref(), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(module in "[a-z][a-z0-9./-]{0,20}[a-z]", minor in 0u32..40, indent in "[ \t]{0,3}") {
            prop_assume!(!module.contains("//"));
            let text = format!("{indent}module{indent} \"{module}\"{indent}//x\n{indent}go 1.{minor}.3\r\n");
            prop_assert_eq!(parse_go_mod(&text), Ok(go_mod(&module, Some(&format!("1.{minor}.3")), None, false)));
        }

        #[test]
        fn a_declared_version_is_found(version in "[ -!#-\\[\\]-~é]{0,20}", before in "[a-z =\n\"`'/*(){};]{0,30}") {
            let text = format!("const Version = \"{version}\"\n{before}");
            prop_assert_eq!(version_constant(&text), Some(version));
        }

        #[test]
        fn parsing_never_panics(text in "(module|go|require|const|Version|[(){}\"'`/*\\\\=; \n\ra.é1]|\\PC){0,40}") {
            let _ = parse_go_mod(&text);
            let _ = version_constant(&text);
        }
    }

    /// This process's environment with a home of its own, so that nobody's git settings matter.
    fn environment(home: &Path) -> Vec<(OsString, OsString)> {
        let own = |name: &OsStr| ["HOME", "XDG_CONFIG_HOME", "GIT_DIR"].iter().any(|known| is_variable(name, known));
        let mut variables: Vec<_> = std::env::vars_os().filter(|(name, _)| !own(name)).collect();
        variables.push(("HOME".into(), home.into()));
        variables
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, text).expect("written");
    }

    /// A folder that holds a home and a worker's checkout.
    fn checkout() -> (tempfile::TempDir, PathBuf, Vec<(OsString, OsString)>) {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("reproq-worker");
        write(&folder.join("go.mod"), "module reproq-worker\ngo 1.21\n");
        write(&folder.join("cmd/reproq/main.go"), "package main\nconst Version = \"0.0.144\"\nfunc main() {}\n");
        let environment = environment(root.path());
        (root, folder, environment)
    }

    fn git(folder: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@t.test", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        let output = command.arg("-C").arg(folder).args(identity).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit_all(folder: &Path) {
        git(folder, &["init", "-q"]);
        git(folder, &["add", "-A"]);
        git(folder, &["commit", "-q", "-m", "x"]);
    }

    fn read(folder: &Path, environment: &Environment) -> Result<SourceFacts, SourceError> {
        SourceFacts::read(folder, &WORKER, environment)
    }

    fn git_of(folder: &Path, environment: &Environment) -> GitFacts {
        read(folder, environment).expect("readable").git
    }

    #[test]
    fn a_checkout_is_read_into_facts() {
        let (_root, folder, environment) = checkout();
        let facts = read(&folder, &environment).expect("readable");
        assert_eq!(facts.folder, folder);
        assert_eq!(facts.go_mod, go_mod("reproq-worker", Some("1.21"), None, false));
        assert_eq!((facts.has_package, facts.vendored, facts.version.as_deref()), (true, false, Some("0.0.144")));
        assert_eq!(facts.git, GitFacts::Unknown(GitUnknown::NotARepository));

        write(&folder.join("vendor/modules.txt"), "");
        write(&folder.join("cmd/reproq/other_test.go"), "package main\nconst Version = \"test\"");
        let facts = read(&folder, &environment).expect("readable");
        assert_eq!((facts.vendored, facts.version.as_deref()), (true, Some("0.0.144")));

        write(&folder.join("cmd/reproq/dev.go"), "//go:build !prod\npackage main\nconst Version = \"dev\"");
        assert_eq!(read(&folder, &environment).expect("readable").version, None);

        fs::remove_dir_all(folder.join("cmd")).expect("removed");
        assert!(!read(&folder, &environment).expect("readable").has_package);
    }

    #[test]
    fn what_is_no_checkout_is_named() {
        let (root, folder, environment) = checkout();
        let refused = |path: &Path| read(path, &environment).expect_err("refused");
        assert!(matches!(refused(&root.path().join("none")), SourceError::Missing(_)));
        assert!(matches!(refused(&folder.join("go.mod/below")), SourceError::Missing(_)));
        assert!(matches!(refused(&folder.join("go.mod")), SourceError::NotAFolder(_)));
        assert!(matches!(refused(root.path()), SourceError::NoGoMod(_)));
        write(&folder.join("go.mod"), "go 1.21");
        assert!(matches!(refused(&folder), SourceError::BadGoMod { .. }));
        fs::write(folder.join("go.mod"), b"module \xff").expect("written");
        assert!(matches!(refused(&folder), SourceError::Unreadable { .. }));
        fs::remove_file(folder.join("go.mod")).expect("removed");
        fs::create_dir(folder.join("go.mod")).expect("created");
        assert!(matches!(refused(&folder), SourceError::Unreadable { .. }));
    }

    #[test]
    fn git_tells_commit_and_changes() {
        let (_root, folder, environment) = checkout();
        git(&folder, &["init", "-q"]);
        assert_eq!(git_of(&folder, &environment), GitFacts::Unknown(GitUnknown::NotTracked));
        git(&folder, &["add", "-A"]);
        assert_eq!(git_of(&folder, &environment), GitFacts::Unknown(GitUnknown::NoCommit));
        commit_all(&folder);
        let facts = git_of(&folder, &environment);
        assert_eq!((facts.commit().map(str::len), facts.dirty()), (Some(40), Some(false)));

        let cases = [
            ("reproq.log", Some(false)),
            ("cmd/reproq/new_test.go", Some(false)),
            ("cmd/reproq/new.go", Some(true)),
            ("vendor/modules.txt", Some(true)),
        ];
        for (file, dirty) in cases {
            write(&folder.join(file), "package main\n");
            assert_eq!(git_of(&folder, &environment).dirty(), dirty, "{file}");
            fs::remove_file(folder.join(file)).expect("removed");
        }
        write(&folder.join("go.mod"), "module reproq-worker\ngo 1.22\n");
        assert_eq!(git_of(&folder, &environment).dirty(), Some(true));
    }

    #[test]
    fn a_git_hook_around_us_does_not_redirect_git() {
        let (root, folder, mut environment) = checkout();
        commit_all(&folder);
        let commit = git_of(&folder, &environment);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            environment.push((name.into(), root.path().join("elsewhere").into()));
        }
        assert!(commit.commit().is_some());
        assert_eq!(git_of(&folder, &environment), commit);
    }

    #[test]
    fn the_commit_of_another_project_is_not_the_sources() {
        let (root, folder, environment) = checkout();
        write(&root.path().join(".gitignore"), "reproq-worker\n");
        commit_all(root.path());
        assert_eq!(git_of(&folder, &environment), GitFacts::Unknown(GitUnknown::NotTracked));
    }

    #[test]
    fn without_git_the_commit_is_unknown() {
        let (root, folder, _) = checkout();
        commit_all(&folder);
        let environment = [("PATH".into(), root.path().as_os_str().to_owned())];
        assert_eq!(git_of(&folder, &environment), GitFacts::Unknown(GitUnknown::NoGit));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_of_another_user_is_not_trusted() {
        use std::io::Write;

        let (_root, folder, environment) = checkout();
        commit_all(&folder);
        for path in [folder.clone(), folder.join(".git")] {
            if std::os::unix::fs::chown(&path, Some(54321), None).is_err() {
                let _ = writeln!(io::stderr(), "SKIPPED: only root can give a folder to another user");
                return;
            }
        }
        assert_eq!(git_of(&folder, &environment), GitFacts::Unknown(GitUnknown::NotTrusted));
    }

    /// Puts a script called `go` into a folder. Written by a shell of its own: a file this process has open for writing
    /// could be inherited by a child another test starts at that moment, and would then be refused as busy.
    #[cfg(unix)]
    fn fake_go(folder: &Path, script: &str) {
        fs::create_dir_all(folder).expect("created");
        let write = "printf '%s' \"$1\" > \"$2/go\" && chmod 755 \"$2/go\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", write, "sh", &format!("#!/bin/sh\n{script}\n")]).arg(folder);
        assert!(shell.status().expect("sh runs").success());
    }

    #[cfg(unix)]
    #[test]
    fn go_is_found_and_asked() {
        let root = tempfile::tempdir().expect("a folder");
        let [empty, first, second] = ["empty", "first", "goroot/bin"].map(|name| root.path().join(name));
        fs::create_dir(&empty).expect("created");
        fake_go(&first, r#"echo '{"GOVERSION": "go1.24.11", "GOPROXY": "https://p.test", "GOPRIVATE": ""}'"#);
        fake_go(&second, r#"if [ "$1" = env ]; then echo '{}'; else echo 'go version go1.13.8 linux/amd64'; fi"#);
        let find = |folders: &[&PathBuf], goroot: &str| {
            let path = std::env::join_paths(folders).expect("a PATH");
            GoFacts::find(&[("PATH".into(), path), ("GOROOT".into(), goroot.into())])
        };
        let found = |facts: GoFacts| match facts {
            GoFacts::Found(go) => (go.name, go.version, go.settings),
            other @ (GoFacts::Missing { .. } | GoFacts::Unusable { .. }) => panic!("expected Go, found {other:?}"),
        };
        let goroot = root.path().join("goroot");
        let goroot = goroot.to_str().expect("text");

        let (name, version, settings) = found(find(&[&empty, &first, &second], ""));
        assert_eq!((name.as_str(), version), ("go1.24.11", GoVersion::parse("1.24.11")));
        assert_eq!(settings, [("GOPROXY".to_owned(), Secret::new(OsString::from("https://p.test")))]);
        let (name, version, _) = found(find(&[&empty], goroot));
        assert_eq!((name.as_str(), version), ("go1.13.8 linux/amd64", GoVersion::parse("1.13.8")));
        let relative = PathBuf::from("relative");
        assert_eq!(find(&[&relative, &empty], ""), GoFacts::Missing { searched: vec![empty.clone()] });
    }

    #[cfg(unix)]
    #[test]
    fn what_only_looks_like_go_is_told_apart() {
        let root = tempfile::tempdir().expect("a folder");
        let cases = [
            ("echo hello", "`go env -json` did not print JSON"),
            ("echo one >&2; echo 'no such command: env' >&2; exit 3", "no such command: env"),
            ("exit 3", "exit status: 3"),
        ];
        for (script, expected) in cases {
            fake_go(root.path(), script);
            let facts = GoFacts::find(&[("PATH".into(), root.path().into())]);
            let program = root.path().join("go");
            assert_eq!(facts, GoFacts::Unusable { program, reason: expected.to_owned() }, "{script}");
        }
    }
}
