//! The release pages: redirects to the latest release and to the files, and pages for people.

use crate::http::Call;
use crate::http::Reply;
use crate::http::decoded;
use crate::objects;
use crate::rest::json;
use crate::spec::AssetState;
use crate::world::World;

/// Handles a request to the web host, which is also the API host of an Enterprise server.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    if call.path().starts_with("/api/") {
        return crate::rest::answer(world, call);
    }
    if !matches!(call.method.as_str(), "GET" | "HEAD") {
        return not_found();
    }
    let path = call.path().to_owned();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let [owner, name, rest @ ..] = segments.as_slice() else { return not_found() };
    let Some((repo, is_former_name)) = world.repo_index(&format!("{}/{}", decoded(owner), decoded(name))) else {
        return not_found();
    };
    // The pages use cookies, not tokens.
    if world.repos[repo].private {
        return not_found();
    }
    if is_former_name {
        let tail: String = rest.iter().map(|segment| format!("/{segment}")).collect();
        return Reply::redirect(301, &format!("{}{tail}", json::repo_web(&world.urls, &world.repos[repo])));
    }
    let rest: Vec<String> = rest.iter().map(|segment| decoded(segment)).collect();
    page(world, repo, &rest)
}

fn page(world: &mut World, repo: usize, rest: &[String]) -> Reply {
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match rest.as_slice() {
        [] => Reply::html(200, &world.repos[repo].full_name()),
        ["releases"] => Reply::html(200, "Releases"),
        ["releases", "latest"] => latest(world, repo),
        ["releases", "latest", "download", name] => latest_download(world, repo, name),
        ["releases", "tag", tag @ ..] => tag_page(world, repo, &tag.join("/")),
        ["releases", "download", tag @ .., name] => download(world, repo, &tag.join("/"), name),
        _ => not_found(),
    }
}

fn not_found() -> Reply {
    Reply::html(404, "Page not found")
}

fn latest(world: &World, repo: usize) -> Reply {
    let repo = &world.repos[repo];
    let web = json::repo_web(&world.urls, repo);
    match repo.latest() {
        Some(release) => Reply::redirect(302, &format!("{web}/releases/tag/{}", json::shown_tag(release))),
        // Without a release GitHub redirects to the empty list.
        None => Reply::redirect(302, &format!("{web}/releases")),
    }
}

fn latest_download(world: &World, repo: usize, name: &str) -> Reply {
    let repo = &world.repos[repo];
    let Some(release) = repo.latest() else { return not_found() };
    let web = json::repo_web(&world.urls, repo);
    let target = format!("{web}/releases/download/{}/{}", json::shown_tag(release), json::encoded(name));
    Reply::redirect(302, &target)
}

fn tag_page(world: &World, repo: usize, tag: &str) -> Reply {
    let repo = &world.repos[repo];
    if repo.published(tag).is_some() || repo.tags.contains_key(tag) {
        Reply::html(200, &format!("Release {tag}"))
    } else {
        not_found()
    }
}

fn download(world: &mut World, repo: usize, tag: &str, name: &str) -> Reply {
    let release = world.repos[repo].published(tag);
    let asset = release.and_then(|release| release.assets.iter().find(|asset| asset.name == name));
    match asset.filter(|asset| asset.state == AssetState::Uploaded).cloned() {
        Some(asset) => Reply::redirect(302, &objects::sign(world, repo, &asset)),
        None => not_found(),
    }
}
