//! Which repository a release command works on: the one somebody named, or the one this checkout was cloned from. Never
//! the worker's default, so that nobody deletes from a repository they did not name.
#![expect(clippy::disallowed_methods, reason = "git is asked for the remote here")]

use std::process::Command;
use std::process::Stdio;

use url::Url;

use crate::exit::ExitStatus;
use crate::failure::CommandError;
use crate::release::RepoSlug;
use crate::session::Session;

/// Finds it: flag, settings file, GITHUB_REPOSITORY, the remote `origin`.
pub(super) fn find(flag: Option<&str>, session: &Session<'_>) -> Result<RepoSlug, CommandError> {
    let file = session.settings.release_repository.as_ref();
    let named = flag
        .map(|text| (text.to_owned(), "the flag --repo".to_owned()))
        .or_else(|| file.map(|setting| (setting.value.clone(), setting.from.to_string())))
        .or_else(|| Some((session.env.var("GITHUB_REPOSITORY")?, "the variable GITHUB_REPOSITORY".to_owned())));
    if let Some((text, from)) = named {
        session.ui.debug(&format!("releases of {text} from {from}"));
        return text
            .trim()
            .parse()
            .map_err(|error| CommandError::message(ExitStatus::Usage, format!("{from} is not usable: {error}")));
    }
    let server = &session.settings.server.web_url.value;
    let missing = |why: String| {
        CommandError::message(ExitStatus::Usage, format!("no repository is named: {why}"))
            .hint("name it with `--repo OWNER/NAME`, or as `repository` in [tool.reproq.release] of pyproject.toml")
    };
    let remote = origin(session).ok_or_else(|| missing("there is no git remote `origin` here either".to_owned()))?;
    let found = of_remote(&remote, server).ok_or_else(|| {
        let host = server.host_str().unwrap_or("GitHub");
        missing(format!("the git remote `origin` is not a repository on {host}"))
    })?;
    session.ui.debug(&format!("releases of {found} from the git remote `origin`"));
    Ok(found)
}

/// The address of the remote, as the checkout's own configuration has it.
fn origin(session: &Session<'_>) -> Option<String> {
    let mut command = Command::new("git");
    command.args(["config", "--get", "remote.origin.url"]).current_dir(&session.project.root);
    // Nothing but what git needs: no tokens, and no variable that leads it to another repository.
    command.env_clear().env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    for name in ["PATH", "HOME", "USERPROFILE", "SYSTEMROOT"] {
        if let Some(value) = session.env.var_os(name) {
            command.env(name, value);
        }
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The repository of a remote's address, if that is on this GitHub: `https://`, `ssh://` or `git@HOST:OWNER/NAME`.
fn of_remote(remote: &str, server: &Url) -> Option<RepoSlug> {
    let (host, path) = match Url::parse(remote) {
        Ok(url) if url.has_host() => (url.host_str()?.to_owned(), url.path().to_owned()),
        Ok(_) | Err(_) => {
            let (account, path) = remote.split_once(':')?;
            let host = account.rsplit('@').next()?;
            (host.to_owned(), path.to_owned())
        }
    };
    // GitHub also serves SSH on port 443, under another name.
    let host = host.strip_prefix("ssh.").unwrap_or(&host);
    if !server.host_str()?.eq_ignore_ascii_case(host) {
        return None;
    }
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_read_as_git_writes_them() {
        let server: Url = "https://github.com".parse().expect("an address");
        let found = |remote: &str| of_remote(remote, &server).map(|slug| slug.to_string());
        for remote in [
            "https://github.com/acme/tool.git",
            "https://github.com/acme/tool",
            "https://user:secret@github.com/acme/tool.git",
            "git@github.com:acme/tool.git",
            "ssh://git@github.com/acme/tool.git",
            "ssh://git@ssh.github.com:443/acme/tool.git",
        ] {
            assert_eq!(found(remote).as_deref(), Some("acme/tool"), "{remote}");
        }
        for remote in
            ["https://gitlab.com/acme/tool", "git@gitlab.com:acme/tool", "/srv/tool.git", "../tool", "", "C:\\tool"]
        {
            assert_eq!(found(remote), None, "{remote}");
        }
    }
}
