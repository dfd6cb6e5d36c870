//! Certificates that do not fit, and proxies that do not let through. The certificates are real, made for the test.

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

/// A project whose GitHub speaks TLS, and whose user trusts its authority.
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
        ("certificate: of an issuer that is not trusted", Tls::Untrusted, "issuer that is not trusted"),
    ] {
        let mut context = encrypted(tls);
        let output = under_fault(Part::Network, name, &context, context.command(INSTALL), 6, says);
        assert!(!output.stderr.contains("trying again"), "{output:#?}");
        assert!(context.github.requests().is_empty(), "nothing was asked of a stranger");
        // The fault is gone: the same project, and a GitHub with a good certificate.
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
    ] {
        let nothing = context.root().join("nothing.pem");
        if let Some(content) = content {
            fs::write(&nothing, content).expect("written");
        }
        context.set("SSL_CERT_FILE", nothing.to_str().expect("UTF-8"));
        under_fault(Part::Network, name, &context, context.command(INSTALL), 1, "SSL_CERT_FILE names");
    }
    trust(&mut context);
    recovers(&context, INSTALL);
}

#[test]
fn a_trusted_certificate_serves() {
    let context = encrypted(Tls::Trusted);
    recovers(&context, INSTALL);
    assert!(context.github.requests().iter().all(|request| request.secure));
}

#[test]
fn encryption_is_never_left() {
    let context = encrypted(Tls::Trusted);
    context.github.fault(Matcher::web().always(), Fault::RedirectToHttp);
    let command = context.command(INSTALL);
    let says = "to an unencrypted address";
    under_fault(Part::Network, "redirect: from https to http", &context, command, 6, says);
    assert!(context.github.requests().iter().all(|request| request.secure));
    context.github.clear_faults();
    recovers(&context, INSTALL);
}

#[test]
fn proxies_that_do_not_let_through() {
    let mut context = encrypted(Tls::Trusted);
    let proxy = Proxy::start();
    context.set("HTTPS_PROXY", proxy.url());
    for (name, status) in [
        ("proxy: refuses CONNECT with 403", 403),
        ("proxy: refuses CONNECT with 407", 407),
        ("proxy: refuses CONNECT with 502", 502),
    ] {
        proxy.refuse(Some(status));
        under_fault(Part::Network, name, &context, context.command(NO_BUILD), 6, "proxy");
    }
    context.set("HTTPS_PROXY", "http://127.0.0.1:1");
    let name = "proxy: nobody listens there";
    under_fault(Part::Network, name, &context, context.command(NO_BUILD), 6, "HTTPS_PROXY");
    proxy.refuse(None);
    context.set("HTTPS_PROXY", proxy.url());
    recovers(&context, INSTALL);
    let last = proxy.asked();
    assert!(context.github.api_url().ends_with(&last[last.len() - 3]), "{last:?}");
}
