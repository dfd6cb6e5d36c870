//! A test repository, signed with our own keys, and a server for it that can misbehave.
#![expect(clippy::disallowed_methods, reason = "the sample is written to a directory and read from it")]

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::thread;

use rcgen::KeyPair;
use rcgen::SigningKey;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use crate::trust::attestation::Instance;
use crate::trust::attestation::Roots;
use crate::trust::trusted_roots::Anchor;

/// The contents of a repository.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    pub(super) timestamp: u64,
    pub(super) snapshot: u64,
    pub(super) targets: u64,
    pub(super) timestamp_expires: &'static str,
    /// Its trusted root.
    pub(super) target: String,
}

impl Contents {
    /// A root with a key from November 2026, in a repository that is valid until 2036.
    pub(super) fn good() -> Self {
        let far = "2036-01-01T00:00:00Z";
        let target = trusted_root(Instance::PublicGood).replace("2025-09-23T", "2026-11-01T");
        Self { timestamp: 7, snapshot: 5, targets: 3, timestamp_expires: far, target }
    }
}

/// The text of an embedded root.
pub(super) fn trusted_root(instance: Instance) -> String {
    let roots = Roots::embedded();
    roots.iter().find(|root| root.instance == instance).expect("it is embedded").text().to_owned()
}

pub(super) struct SampleSigner(KeyPair);

impl SampleSigner {
    pub(super) fn new() -> Self {
        Self(KeyPair::generate().expect("a key"))
    }

    fn id(&self) -> String {
        sha256(self.0.public_key_pem().as_bytes())
    }

    fn sign(&self, signed: &Value) -> Value {
        let bytes = sigstore_tuf::canonical_json::to_canonical_bytes(signed).expect("canonical");
        let signature = self.0.sign(&bytes).expect("a signature");
        json!({"keyid": self.id(), "sig": hex(&signature)})
    }

    fn file(&self, signed: &Value) -> Vec<u8> {
        file(signed, &[self])
    }

    /// Root metadata in which this signer has every role, signed by `signers`.
    pub(super) fn root(&self, version: u64, expires: &str, signers: &[&Self]) -> Vec<u8> {
        let key = json!({
            "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": self.0.public_key_pem()},
        });
        let role = json!({"keyids": [self.id()], "threshold": 1});
        let signed = json!({
            "_type": "root", "spec_version": "1.0", "version": version, "expires": expires, "consistent_snapshot": true,
            "keys": {self.id(): key},
            "roles": {"root": role, "timestamp": role, "snapshot": role, "targets": role},
        });
        file(&signed, signers)
    }

    /// An anchor with these keys.
    pub(super) fn anchor(&self) -> Anchor {
        let root = self.root(1, "2036-01-01T00:00:00Z", &[self]);
        let root = String::from_utf8(root).expect("JSON").leak();
        Anchor { instance: Instance::PublicGood, address: "https://repository.example", root }
    }

    /// Writes all files except the roots.
    pub(super) fn write(&self, directory: &Path, contents: &Contents) {
        fs::create_dir_all(directory.join("targets")).expect("directories");
        let digest = sha256(contents.target.as_bytes());
        let far = "2036-01-01T00:00:00Z";
        let targets = self.file(&json!({
            "_type": "targets", "spec_version": "1.0", "version": contents.targets, "expires": far,
            "targets": {"trusted_root.json": {"length": contents.target.len(), "hashes": {"sha256": digest}}},
        }));
        let snapshot = self.file(&json!({
            "_type": "snapshot", "spec_version": "1.0", "version": contents.snapshot, "expires": far,
            "meta": {"targets.json": {"version": contents.targets}},
        }));
        let timestamp = self.file(&json!({
            "_type": "timestamp", "spec_version": "1.0", "version": contents.timestamp,
            "expires": contents.timestamp_expires, "meta": {"snapshot.json": {"version": contents.snapshot}},
        }));
        let write = |name: String, bytes: &[u8]| fs::write(directory.join(name), bytes).expect("written");
        write(format!("targets/{digest}.trusted_root.json"), contents.target.as_bytes());
        write(format!("{}.targets.json", contents.targets), &targets);
        write(format!("{}.snapshot.json", contents.snapshot), &snapshot);
        write("timestamp.json".to_owned(), &timestamp);
    }
}

fn file(signed: &Value, signers: &[&SampleSigner]) -> Vec<u8> {
    let signatures: Vec<Value> = signers.iter().map(|signer| signer.sign(signed)).collect();
    json!({"signed": signed, "signatures": signatures}).to_string().into_bytes()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The behavior of a server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manners {
    /// Sends each file, or 404 if it does not exist.
    Honest,
    /// Sends 403 for missing files, as object stores do.
    Forbids,
    /// Sends this file without end.
    Endless(&'static str),
    /// Stops in the middle of this file.
    Cuts(&'static str),
    /// Sends a login page instead of this file.
    LoginPage(&'static str),
    /// Always sends an error.
    Broken,
}

/// Serves a directory on loopback, one request at a time, until the tests end; returns its URL.
pub(super) fn serve(directory: PathBuf, manners: Manners) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that received too much closes the connection.
            let _ = answer(stream, &directory, manners);
        }
    });
    address
}

fn answer(mut stream: TcpStream, directory: &Path, manners: Manners) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let name = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let head = |status: &str, kind: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let json = "application/json";
    match (manners, fs::read(directory.join(&name))) {
        (Manners::Broken, _) => stream.write_all(head("500 Broken", json, 0).as_bytes()),
        (Manners::Endless(file), _) if name.ends_with(file) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b' '; 4096])?;
            }
        }
        (Manners::LoginPage(file), _) if name.ends_with(file) => {
            stream.write_all(head("200 OK", "text/html", 6).as_bytes())?;
            stream.write_all(b"<html>")
        }
        (Manners::Cuts(file), Ok(body)) if name.ends_with(file) => {
            stream.write_all(head("200 OK", json, body.len()).as_bytes())?;
            stream.write_all(&body[..body.len() / 2])
        }
        (_, Ok(body)) => {
            stream.write_all(head("200 OK", json, body.len()).as_bytes())?;
            stream.write_all(&body)
        }
        (Manners::Forbids, Err(_)) => stream.write_all(head("403 Forbidden", json, 0).as_bytes()),
        (_, Err(_)) => stream.write_all(head("404 Not Found", json, 0).as_bytes()),
    }
}
