//! Parses the URL of a git remote. Pure; git has already applied its own rewriting (`insteadOf`).

use url::Url;

use crate::model::RepoSlug;

/// The repository of a remote URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remote {
    /// A repository on the server.
    Here(RepoSlug),
    /// A repository on a host that may be an SSH alias (`Host` in `~/.ssh/config`).
    Alias {
        /// The alias.
        host: String,
        /// The repository, if the alias is for the server.
        repository: RepoSlug,
    },
    /// A path, or something on another host.
    Elsewhere,
}

impl Remote {
    /// Parses a URL like git: `SCHEME://…`, else `[USER@]HOST:PATH` without a slash before the colon, else a path.
    pub(super) fn read(text: &str, server: &Url) -> Self {
        let Some(Parts { host, path, is_ssh }) = parts(text) else { return Self::Elsewhere };
        let path = path.trim_matches('/');
        let Ok(repository) = path.strip_suffix(".git").unwrap_or(path).parse::<RepoSlug>() else {
            return Self::Elsewhere;
        };
        if is_server(&host, server) {
            Self::Here(repository)
        } else if is_ssh && host.len() > 1 && !host.contains(['.', ':']) {
            Self::Alias { host, repository }
        } else {
            Self::Elsewhere
        }
    }

    /// Whether it can be this repository.
    pub(super) fn may_be(&self, repository: &RepoSlug) -> bool {
        match self {
            Self::Here(named) | Self::Alias { repository: named, .. } => named.is_same(repository),
            Self::Elsewhere => false,
        }
    }
}

struct Parts {
    host: String,
    path: String,
    is_ssh: bool,
}

fn parts(text: &str) -> Option<Parts> {
    if text.contains("://") {
        let url = Url::parse(text).ok()?;
        let is_ssh = matches!(url.scheme(), "ssh" | "git+ssh" | "ssh+git");
        let is_known = is_ssh || matches!(url.scheme(), "https" | "http" | "git");
        return is_known
            .then_some(())
            .and_then(|()| Some(Parts { host: url.host_str()?.to_owned(), path: url.path().to_owned(), is_ssh }));
    }
    // The form with a port is `[USER@HOST:PORT]:PATH`.
    let (account, path) = match text.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        Some((inner, path)) => (inner.rsplit_once(':').map_or(inner, |(account, _port)| account), path),
        None => text.split_once(':').filter(|(account, _)| !account.contains('/'))?,
    };
    let host = account.rsplit('@').next()?;
    Some(Parts { host: host.to_owned(), path: path.to_owned(), is_ssh: true })
}

/// GitHub also serves SSH on port 443 as `ssh.github.com`, and its pages as `www.github.com`.
fn is_server(host: &str, server: &Url) -> bool {
    let Some(server) = server.host_str() else { return false };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    [host.as_str()]
        .into_iter()
        .chain(host.strip_prefix("ssh."))
        .chain(host.strip_prefix("www."))
        .any(|host| host.eq_ignore_ascii_case(server))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_urls_are_parsed_like_git() {
        let server: Url = "https://github.com".parse().expect("a URL");
        let here = |text: &str| Remote::Here(text.parse().expect("a repository"));
        let alias = |host: &str| Remote::Alias { host: host.to_owned(), repository: "acme/tool".parse().expect("one") };
        let rows = [
            ("https://github.com/acme/tool.git", here("acme/tool")),
            ("https://github.com/acme/tool", here("acme/tool")),
            ("https://github.com/acme/tool/", here("acme/tool")),
            ("https://GitHub.com/Acme/Tool.git", here("Acme/Tool")),
            ("https://www.github.com/acme/tool.git", here("acme/tool")),
            ("https://github.com./acme/tool.git", here("acme/tool")),
            ("https://user:secret@github.com/acme/tool.git", here("acme/tool")),
            ("https://x-access-token:ghs_secret@github.com/acme/tool", here("acme/tool")),
            ("https://github.com:443/acme/tool.git", here("acme/tool")),
            ("http://github.com/acme/tool.git", here("acme/tool")),
            ("git://github.com/acme/tool.git", here("acme/tool")),
            ("git@github.com:acme/tool.git", here("acme/tool")),
            ("git@github.com:/acme/tool.git", here("acme/tool")),
            ("github.com:acme/tool", here("acme/tool")),
            ("org-1234@github.com:acme/tool.git", here("acme/tool")),
            ("git@www.github.com:acme/tool.git", here("acme/tool")),
            ("git@ssh.github.com:acme/tool.git", here("acme/tool")),
            ("[git@ssh.github.com:443]:acme/tool.git", here("acme/tool")),
            ("ssh://git@github.com/acme/tool.git", here("acme/tool")),
            ("ssh://git@ssh.github.com:443/acme/tool.git", here("acme/tool")),
            ("git+ssh://git@github.com/acme/tool.git", here("acme/tool")),
            ("git@github.com:acme/.github", here("acme/.github")),
            ("git@work:acme/tool.git", alias("work")),
            ("github-work:acme/tool", alias("github-work")),
            ("ssh://git@work/acme/tool.git", alias("work")),
            ("https://gitlab.com/acme/tool", Remote::Elsewhere),
            ("https://work/acme/tool", Remote::Elsewhere),
            ("git@gitlab.com:acme/tool", Remote::Elsewhere),
            ("git@ssh.gitlab.com:acme/tool", Remote::Elsewhere),
            ("https://github.com.example.org/acme/tool", Remote::Elsewhere),
            ("https://example.org/github.com/acme/tool", Remote::Elsewhere),
            ("https://github.com@example.org/acme/tool", Remote::Elsewhere),
            ("https://evilgithub.com/acme/tool", Remote::Elsewhere),
            ("https://gist.github.com/acme/tool", Remote::Elsewhere),
            ("https://github.com/acme/tool/tree/main", Remote::Elsewhere),
            ("https://github.com/acme", Remote::Elsewhere),
            ("ftp://github.com/acme/tool", Remote::Elsewhere),
            ("file:///acme/tool", Remote::Elsewhere),
            ("file://github.com/acme/tool", Remote::Elsewhere),
            ("/srv/github.com:acme/tool", Remote::Elsewhere),
            ("./github.com:acme/tool", Remote::Elsewhere),
            ("../tool", Remote::Elsewhere),
            ("ext::sh -c x", Remote::Elsewhere),
            ("C:\\acme\\tool", Remote::Elsewhere),
            ("C:/acme/tool", Remote::Elsewhere),
            ("", Remote::Elsewhere),
            (":", Remote::Elsewhere),
            ("[]:", Remote::Elsewhere),
        ];
        for (text, expected) in rows {
            assert_eq!(Remote::read(text, &server), expected, "{text}");
        }
        let own: Url = "https://git.example.org".parse().expect("a URL");
        assert_eq!(Remote::read("git@git.example.org:acme/tool", &own), here("acme/tool"));
        assert_eq!(Remote::read("git@github.com:acme/tool", &own), Remote::Elsewhere);
    }
}
