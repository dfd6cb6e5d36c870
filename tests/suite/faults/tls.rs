//! Invalid certificates, and proxies that refuse. The certificates are real ones, created for the tests.

use std::fs;

use fake_github::FakeGitHub;
use fake_github::Fault;
use fake_github::Matcher;
use fake_github::Proxy;
use fake_github::Tls;

use super::INSTALL;
use super::NO_BUILD;
use super::recovers;
use super::under_fault;
use super::with_old;
use crate::support::Context;
use crate::support::fault_table::Part;

/// A project whose GitHub uses TLS, and whose user trusts its authority.
fn encrypted(tls: Tls) -> Context {
    let mut context = with_old(Context::with(FakeGitHub::start_with(tls)));
    trust(&mut context);
    context
}

fn trust(context: &mut Context) {
    let authority = context.root().join("ca.pem");
    fs::write(&authority, context.github.ca_pem()).expect("written");
    context.set("SSL_CERT_FILE", authority.to_str().expect("UTF-8"));
}

#[test]
fn certificates_that_do_not_fit_are_final() {
    for (name, tls, says) in [
        ("certificate: expired", Tls::Expired, "has expired"),
        ("certificate: not valid yet, or this machine's clock is behind", Tls::NotYetValid, "not valid yet"),
        ("certificate: for another host", Tls::WrongHost, "for another host"),
        ("certificate: of an issuer that is not trusted", Tls::Untrusted, "untrusted issuer"),
    ] {
        let mut context = encrypted(tls);
        let output = under_fault(Part::Network, name, &context, context.command(INSTALL), 6, says);
        assert!(!output.stderr.contains("retrying"), "{output:#?}");
        assert!(context.github.requests().is_empty(), "nothing was asked of a stranger");
        // Without the fault: the same project, and a GitHub with a valid certificate.
        context.github = FakeGitHub::start_tls();
        let (api, web) = (context.github.api_url(), context.github.web_url());
        context.set("REPROQ_GITHUB_API_URL", api).set("REPROQ_GITHUB_SERVER_URL", web);
        context.release("v0.0.144");
        trust(&mut context);
        recovers(&context, INSTALL);
    }
}

#[test]
fn a_file_of_certificates_that_holds_none() {
    let mut context = encrypted(Tls::Trusted);
    for (name, content) in [
        ("certificate: SSL_CERT_FILE names a file that is not there", None),
        ("certificate: SSL_CERT_FILE names a file without certificates", Some("none here")),
        (
            "certificate: SSL_CERT_FILE names a file with a broken certificate",
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ),
    ] {
        let nothing = context.root().join("nothing.pem");
        if let Some(content) = content {
            fs::write(&nothing, content).expect("written");
        }
        context.set("SSL_CERT_FILE", nothing.to_str().expect("UTF-8"));
        let says = "the variable SSL_CERT_FILE is invalid";
        under_fault(Part::Network, name, &context, context.command(INSTALL), 2, says);
    }
    trust(&mut context);
    recovers(&context, INSTALL);
}

#[test]
fn directories_of_certificates() {
    let mut context = encrypted(Tls::Trusted);
    let directory = |name: &str| {
        let directory = context.root().join(name);
        fs::create_dir(&directory).expect("made");
        directory
    };
    let (empty, full) = (directory("empty"), directory("full"));
    fs::write(empty.join("README"), "nothing to trust\n").expect("written");
    fs::write(full.join("README"), "nothing to trust\n").expect("written");
    fs::rename(context.root().join("ca.pem"), full.join("0a1b2c3d.0")).expect("moved");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("gone", full.join("left-over")).expect("linked");
        std::os::unix::fs::symlink("0a1b2c3d.0", full.join("authority.pem")).expect("linked");
    }
    context.set("SSL_CERT_FILE", "");
    let says = "the variable SSL_CERT_DIR is invalid";
    for (name, directory) in [
        ("certificate: SSL_CERT_DIR names a directory that is not there", &context.root().join("nowhere")),
        ("certificate: SSL_CERT_DIR names a directory without certificates", &empty),
        ("certificate: SSL_CERT_DIR names a file", &full.join("README")),
    ] {
        context.set("SSL_CERT_DIR", directory.to_str().expect("UTF-8"));
        under_fault(Part::Network, name, &context, context.command(INSTALL), 2, says);
    }
    // Commands that make no request are unaffected.
    context.succeed(&["which", "--no-django"]);
    let both = [full.as_path(), full.as_path()];
    let both = std::env::join_paths(both).expect("paths");
    context.set("SSL_CERT_DIR", both.to_str().expect("UTF-8"));
    recovers(&context, INSTALL);
    assert!(context.github.requests().iter().all(|request| request.secure));
}

#[test]
fn a_trusted_certificate_is_accepted() {
    let context = encrypted(Tls::Trusted);
    recovers(&context, INSTALL);
    assert!(context.github.requests().iter().all(|request| request.secure));
}

#[test]
fn encryption_is_never_left() {
    let context = encrypted(Tls::Trusted);
    context.github.fault(Matcher::web().always(), Fault::RedirectToHttp);
    let command = context.command(INSTALL);
    let says = "to an unencrypted URL";
    under_fault(Part::Network, "redirect: from https to http", &context, command, 6, says);
    assert!(context.github.requests().iter().all(|request| request.secure));
    context.github.clear_faults();
    recovers(&context, INSTALL);
}

/// A GitHub with a name that only the proxy resolves: loopback itself is never requested through a proxy.
fn behind(proxy: &Proxy) -> Context {
    let mut context = encrypted(Tls::Trusted);
    let named = |url: String| url.replace("127.0.0.1", "github.test");
    let (api, web) = (named(context.github.api_url()), named(context.github.web_url()));
    context.set("REPROQ_GITHUB_API_URL", api).set("REPROQ_GITHUB_SERVER_URL", web).set("HTTPS_PROXY", proxy.url());
    context
}

#[test]
fn proxies_that_refuse() {
    let proxy = Proxy::start();
    let mut context = behind(&proxy);
    for (name, status) in [
        ("proxy: refuses CONNECT with 403", 403),
        ("proxy: refuses CONNECT with 407", 407),
        ("proxy: refuses CONNECT with 502", 502),
    ] {
        proxy.refuse(Some(status));
        let says = "failed to connect to github.test through the proxy http://127.0.0.1:";
        under_fault(Part::Network, name, &context, context.command(NO_BUILD), 6, says);
    }
    proxy.refuse(None);
    for (name, value, says) in [
        (
            "proxy: no listener",
            "http://u:hunter2@127.0.0.1:1",
            "through the proxy http://127.0.0.1:1 (from HTTPS_PROXY)",
        ),
        (
            "proxy: its name does not resolve",
            "http://proxy.invalid:3128",
            "through the proxy http://proxy.invalid:3128 (from",
        ),
        ("proxy: SOCKS, no listener", "socks5h://127.0.0.1:1", "through the proxy socks5h://127.0.0.1:1 (from"),
    ] {
        context.set("HTTPS_PROXY", value);
        let output = under_fault(Part::Network, name, &context, context.command(NO_BUILD), 6, says);
        assert!(!output.stderr.contains("hunter2"), "{output:#?}");
    }
    context.set("HTTPS_PROXY", proxy.url());
    recovers(&context, INSTALL);
    let port = context.github.api_url().rsplit(':').next().expect("a port").to_owned();
    assert!(proxy.asked().contains(&format!("github.test:{port}")), "{:?}", proxy.asked());
}

/// An invalid value is never ignored: requests meant for the proxy would be sent directly.
#[test]
fn proxies_that_cannot_be_read() {
    let proxy = Proxy::start();
    let mut context = behind(&proxy);
    for (name, value) in [
        ("proxy: a blank in its password", "http://u:hunter2 x@127.0.0.1:3128"),
        ("proxy: a `/` in its password", "http://u:hunter2/x@127.0.0.1:3128"),
        ("proxy: a scheme that no proxy has", "ftp://u:hunter2@127.0.0.1:3128"),
        ("proxy: no host", "http://"),
    ] {
        context.set("HTTPS_PROXY", value);
        let says = "the variable HTTPS_PROXY is invalid";
        let output = under_fault(Part::Network, name, &context, context.command(NO_BUILD), 2, says);
        assert!(!output.stderr.contains("hunter2"), "{output:#?}");
        context.succeed(&["which", "--no-django"]);
    }
    assert!(proxy.asked().is_empty() && context.github.requests().is_empty());
}

#[test]
fn proxy_credentials_are_decoded() {
    let proxy = Proxy::start();
    let mut context = behind(&proxy);
    context.without_cache();
    let address = proxy.url().replace("http://", "");
    for (value, expected) in
        [("http://u:p@ss@", "dTpwQHNz"), ("u:p\"'|^{}\\@", "dTpwIid8Xnt9XA=="), ("http:/u:%E9%20@", "dTrpIA==")]
    {
        context.set("HTTPS_PROXY", format!("{value}{address}"));
        context.succeed(&["install", "--tag", "latest", "--force", "--no-django"]);
        let last = proxy.credentials().pop().expect("the proxy was asked");
        assert_eq!(last.as_deref(), Some(format!("Basic {expected}").as_str()), "{value}");
    }
    // As in curl: an empty variable counts as unset, and the lower-case one takes precedence.
    let asked = proxy.asked().len();
    context.set("HTTPS_PROXY", "").set("https_proxy", proxy.url()).set("ALL_PROXY", "http://127.0.0.1:1");
    context.succeed(&["install", "--tag", "latest", "--force", "--no-django"]);
    assert!(proxy.asked().len() > asked);
    context.set("NO_PROXY", "a *.test:1, .github.test");
    let output = context.run(&["install", "--tag", "latest", "--force", "--no-django", "--no-build"]);
    assert!(output.stderr.contains("could not resolve github.test"), "{output:#?}");
}

/// The token is sent to loopback in cleartext, and would be sent to the proxy in cleartext.
#[test]
fn loopback_is_never_requested_through_a_proxy() {
    let proxy = Proxy::start();
    let mut context = with_old(Context::released());
    context.set("GH_TOKEN", "ghp_0123456789secret");
    for variable in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        context.set(variable, proxy.url());
    }
    recovers(&context, INSTALL);
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
    assert!(context.github.requests().iter().any(|request| request.header("authorization").is_some()));
}
