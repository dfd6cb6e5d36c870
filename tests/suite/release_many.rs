//! Hundreds of deletions through the library, with a simulated clock.

use std::time::Duration;

use chrono::DateTime;
use chrono::Utc;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::RetryAfter;
use fake_github::TagSpec;
use reproq::internals::config::Provenance;
use reproq::internals::config::Server;
use reproq::internals::config::Setting;
use reproq::internals::config::Token;
use reproq::internals::io::net::Http;
use reproq::internals::io::net::HttpOptions;
use reproq::internals::model::Tag;
use reproq::internals::model::progress::NoProgress;
use reproq::internals::model::secret::Secret;
use reproq::internals::releases::prune::Applied;
use reproq::internals::releases::prune::Audit;
use reproq::internals::releases::prune::Clock;
use reproq::internals::releases::prune::Pace;
use reproq::internals::releases::prune::PaceName;
use reproq::internals::releases::prune::PruneContext;
use reproq::internals::releases::prune::PrunePlan;
use reproq::internals::releases::prune::PrunePolicy;
use reproq::internals::releases::prune::Stop;
use reproq::internals::releases::prune::apply;
use reproq::internals::sources::github::GitHub;
use reproq::internals::sources::github::Lister;
use reproq::internals::sources::github::MutationRefusal;
use reproq::internals::sources::github::TagAt;
use reproq::internals::sources::github::Writer;

use crate::support::Context;
use crate::support::releases::PRUNED;
use crate::support::releases::TOKEN;
use crate::support::releases::mutations;
use crate::support::releases::repo;
use crate::support::releases::with_versions;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().expect("a runtime")
}

/// A client with write access. Must be called inside the runtime.
fn client(context: &Context) -> GitHub {
    let http = Http::new(HttpOptions::default()).expect("a client");
    let url = |text: String| {
        let from = Provenance::Flag("--github-server-url");
        Setting { value: text.parse().expect("a URL"), from }
    };
    let server = Server { api_url: url(context.github.api_url()), web_url: url(context.github.web_url()) };
    let token = Token { variable: "GH_TOKEN", value: Secret::new(TOKEN.to_owned()) };
    let slug = PRUNED.parse().expect("a repository");
    GitHub::new(http, slug, server, Some(token)).expect("a client")
}

/// One run: lists, plans to keep three, and applies. Returns the simulated duration.
fn pruned(context: &Context, pace: PaceName, max_wait: Duration) -> (Applied, Duration) {
    runtime().block_on(async {
        let github = client(context);
        let lister = Lister::new(&github, &NoProgress);
        let inventory = lister.list().await.expect("a list");
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
        let policy = PrunePolicy::new(3.try_into().expect("not zero"));
        let plan = PrunePlan::compute(&inventory, &policy, now).expect("a plan");
        let clock = Clock::modelled(now);
        let mut audit = Audit::open(&context.root().join("audit.jsonl")).expect("a record");
        let workshop = PruneContext {
            github: &github,
            lister: &lister,
            audit: &mut audit,
            clock: &clock,
            pace: Pace::new(pace.rate()),
            max_wait,
            is_fresh: true,
            progress: &NoProgress,
        };
        let applied = apply(&plan, plan.delete().to_vec(), workshop).await;
        (applied, clock.elapsed())
    })
}

#[test]
fn three_hundred_and_ninety_seven_of_four_hundred_with_lag_and_limits() {
    let context = with_versions(400);
    repo(&context).lag(2);
    let secondary = Fault::RateLimitSecondary { status: 403, retry_after: RetryAfter::Seconds(60) };
    context.github.fault(Matcher::api().method("DELETE").nth(120), secondary);
    let primary = Fault::RateLimitPrimary { reset_in: Duration::from_secs(90) };
    context.github.fault(Matcher::api().method("DELETE").nth(300), primary);
    let (applied, took) = pruned(&context, PaceName::Normal, Duration::from_secs(600));
    assert_eq!(applied.stop, None);
    let snapshot = repo(&context).snapshot();
    assert_eq!(snapshot.tag_names(), ["v1.398.0", "v1.399.0", "v1.400.0"]);
    assert_eq!(snapshot.published().len(), 3);
    let proof = applied.proof.expect("a proof");
    assert!(proof.still_listed.is_empty() && proof.losses.is_empty(), "{proof:?}");
    let requests = charged(&context);
    assert!(requests <= 460, "{requests}");
    // 407 changes minus the burst of 30, plus 151 s of limits, during each of which the burst is restored.
    assert!(took >= Duration::from_secs(440) && took < Duration::from_secs(600), "{took:?}");
    let sent = mutations(&context);
    assert!(sent.iter().filter(|word| *word == "updateRefs").count() <= 10, "{sent:?}");
}

#[test]
fn a_limit_that_is_too_long_stops_it_and_the_next_run_finishes() {
    let context = with_versions(150);
    let primary = Fault::RateLimitPrimary { reset_in: Duration::from_secs(3000) };
    context.github.fault(Matcher::api().method("DELETE").nth(70), primary);
    let (applied, _) = pruned(&context, PaceName::Fast, Duration::from_secs(600));
    assert!(matches!(applied.stop, Some(Stop::Limited { .. })), "{:?}", applied.stop);
    let (applied, _) = pruned(&context, PaceName::Fast, Duration::from_secs(600));
    assert_eq!(applied.stop, None);
    assert_eq!(repo(&context).snapshot().tag_names().len(), 3);
    assert!(repo(&context).snapshot().drafts().is_empty());
}

/// The requests that GitHub charges: 304 is free.
fn charged(context: &Context) -> usize {
    context.github.requests().iter().filter(|request| request.status != Some(304)).count()
}

/// One of them is for the latest release, which is requested again before each deletion without a change.
#[test]
fn requests_are_as_few_as_promised() {
    for (versions, most) in [(4, 4), (13, 16), (50, 53), (200, 225)] {
        let context = with_versions(versions);
        let (applied, _) = pruned(&context, PaceName::Normal, Duration::ZERO);
        assert_eq!(applied.stop, None);
        let requests = charged(&context);
        assert!(requests <= most, "{requests} requests for {versions} versions");
        assert_eq!(repo(&context).snapshot().tag_names().len(), 3);
    }
}

#[test]
fn no_minute_sees_more_deletions_than_github_allows() {
    let context = with_versions(240);
    let (applied, took) = pruned(&context, PaceName::Fast, Duration::ZERO);
    assert_eq!(applied.stop, None);
    assert!(took >= Duration::from_secs(60), "{took:?}");
}

#[test]
fn a_request_about_an_odd_tag_is_about_exactly_that_tag() {
    let names =
        ["a", "a#8", "v1", "v1.0", "v1%2e0", "v1%2F2", "v1/2", "r", "résumé", "v1.0.0", "v1.0.0+build.5", "a?b=1&c"];
    for one_by_one in [true, false] {
        let context = with_versions(1);
        for name in names {
            repo(&context).add_tag(TagSpec::new(name));
        }
        let mut expected = repo(&context).snapshot().tags;
        runtime().block_on(async {
            let github = client(&context);
            let repository = Lister::new(&github, &NoProgress).list().await.expect("a list").repository.node_id;
            let writer = Writer::new(&github);
            for name in names {
                let Ok(tag) = name.parse::<Tag>() else { continue };
                let object_id = expected.remove(name).expect("a tag");
                let at = TagAt { tag, object_id };
                let told = if one_by_one {
                    writer.delete_tag_alone(&at).await
                } else {
                    writer.delete_tags(repository.as_deref().expect("an id"), std::slice::from_ref(&at)).await
                };
                assert_eq!(told.outcome, Ok(()), "{name}");
                assert_eq!(repo(&context).snapshot().tags, expected, "{name}");
            }
        });
    }
    for name in ["v1/../v2", "a b", "refs/tags/../x", "v1~1", ""] {
        assert!(name.parse::<Tag>().is_err(), "{name} cannot be sent at all");
    }
}

#[test]
fn a_tag_that_points_elsewhere_is_not_deleted_by_either_api() {
    let context = with_versions(1);
    runtime().block_on(async {
        let github = client(&context);
        let repository = Lister::new(&github, &NoProgress).list().await.expect("a list").repository.node_id;
        let writer = Writer::new(&github);
        let at = TagAt { tag: "v1.1.0".parse().expect("a tag"), object_id: "f".repeat(40) };
        let alone = writer.delete_tag_alone(&at).await.outcome;
        assert!(matches!(alone, Err(MutationRefusal::Rejected { .. })), "{alone:?}");
        let batch = writer.delete_tags(&repository.expect("an id"), &[at]).await.outcome;
        assert!(matches!(batch, Err(MutationRefusal::Rejected { .. })), "{batch:?}");
    });
    assert_eq!(repo(&context).snapshot().tag_names(), ["v1.1.0"]);
}
