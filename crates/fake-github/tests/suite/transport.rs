//! Transport: valid and invalid TLS, concurrency, large bodies, the proxy, and shutdown.

use std::time::Duration;
use std::time::Instant;

use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::Proxy;
use fake_github::ReleaseSpec;
use fake_github::Tls;

use crate::REPO;
use crate::client::Answer;
use crate::client::Connection;
use crate::fill;

fn over_tls(github: &FakeGitHub, base: &str, target: &str) -> std::io::Result<Answer> {
    Connection::open(base, github.ca_pem())?.ask("GET", target, &[], "")
}

#[test]
fn tls_is_trusted_only_with_its_authority() {
    let github = FakeGitHub::start_tls();
    fill(&github);
    let answer = over_tls(&github, &github.api_url(), &format!("/repos/{REPO}/releases/latest")).expect("an answer");
    assert_eq!(answer.json()["tag_name"], "v1.2.0");
    assert!(github.requests()[0].secure);
    for tls in [Tls::Expired, Tls::NotYetValid, Tls::WrongHost, Tls::Untrusted] {
        let github = FakeGitHub::start_with(tls);
        fill(&github);
        let error = over_tls(&github, &github.api_url(), "/").expect_err("the certificate is bad");
        assert!(error.to_string().contains("certificate"), "{tls:?}: {error}");
        assert!(github.requests().is_empty());
        let begin = Instant::now();
        while github.failed_handshakes() == 0 && begin.elapsed() < Duration::from_secs(9) {
            std::thread::yield_now();
        }
        assert_eq!(github.failed_handshakes(), 1, "{tls:?}");
    }
}

#[test]
fn a_large_body_arrives_whole_over_tls() {
    let github = FakeGitHub::start_tls();
    let bytes: Vec<u8> = (0..8_000_003_u32).map(|number| number.to_le_bytes()[(number % 3) as usize]).collect();
    github.repo(REPO).add(ReleaseSpec::new("v1").file("large", bytes.clone()));
    let web = over_tls(&github, &github.web_url(), &format!("/{REPO}/releases/download/v1/large")).expect("an answer");
    let target = web.location().strip_prefix(&github.objects_url()).expect("an address of the asset host").to_owned();
    let file = over_tls(&github, &github.objects_url(), &target).expect("an answer");
    assert!(file.body == bytes && file.ended.is_ok());
}

#[test]
fn plain_http_is_available_to_clients_that_use_it() {
    let github = FakeGitHub::start_tls();
    fill(&github);
    let link = format!("/{REPO}/releases/download/v1.2.0/reproq-linux-amd64");
    let signed = over_tls(&github, &github.web_url(), &link).expect("an answer").location().to_owned();
    let target = signed.strip_prefix(&github.objects_url()).expect("an address of the asset host");
    github.fault(Matcher::objects(), Fault::RedirectToHttp);
    let plain = over_tls(&github, &github.objects_url(), target).expect("an answer").location().to_owned();
    assert!(plain.starts_with("http://"));
    assert_eq!(crate::client::get(&plain).text(), "worker v1.2.0");
    assert!(!github.requests().last().expect("the log has it").secure);
}

#[test]
fn fifty_at_once() {
    let github = FakeGitHub::start_tls();
    fill(&github);
    let target = format!("/repos/{REPO}/releases/latest");
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| assert_eq!(over_tls(&github, &github.api_url(), &target).expect("an answer").status, 200));
        }
    });
    assert_eq!(github.requests().len(), 50);
}

#[test]
fn dropping_frees_the_ports_and_ends_idle_connections() {
    let github = FakeGitHub::start();
    fill(&github);
    let _ = github.repo("only/here");
    let api = github.api_url();
    let mut idle = Connection::open(&api, "").expect("the fake listens");
    let mut never_spoke = Connection::open(&api, "").expect("the fake listens");
    idle.ask("GET", &format!("/repos/{REPO}"), &[], "").expect("an answer");
    let begin = Instant::now();
    drop(github);
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert!(never_spoke.rest().is_empty() && idle.ask("GET", "/", &[], "").is_err());
    // The port may already belong to another test; this fake's repository no longer exists there.
    let target = "/repos/only/here";
    let again = Connection::open(&api, "").and_then(|mut connection| connection.ask("GET", target, &[], ""));
    assert!(again.is_err() || again.is_ok_and(|answer| answer.status != 200));
}

#[test]
fn the_proxy_allows_refuses_and_records() {
    let github = FakeGitHub::start();
    fill(&github);
    let proxy = Proxy::start();
    let host = github.api_url().trim_start_matches("http://").to_owned();
    let mut tunnel = Connection::open(&proxy.url(), "").expect("the proxy listens");
    let through = tunnel.connect(&host);
    assert_eq!(through.status, 200);
    let answer = tunnel.ask("GET", &format!("/repos/{REPO}"), &[], "").expect("an answer through the tunnel");
    assert_eq!(answer.json()["full_name"], REPO);
    proxy.refuse(Some(407));
    let refused = Connection::open(&proxy.url(), "").expect("the proxy listens").connect(&host);
    assert_eq!((refused.status, refused.header("Proxy-Authenticate").is_some()), (407, true));
    assert_eq!(proxy.asked(), [host.clone(), host]);
    assert_eq!(proxy.credentials(), [None, None]);
    assert_eq!(github.requests().len(), 1);
}
