//! A transparency log with one entry at a time: the entry, its inclusion proof, and the log's signatures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::KeyPair;
use rcgen::SigningKey;
use serde_json::Value;
use serde_json::json;

use super::sha256;
use super::spki;

pub struct Log {
    key: KeyPair,
}

impl Log {
    pub fn new() -> Self {
        Self { key: KeyPair::generate().expect("a key") }
    }

    /// Its part of a trusted root.
    pub fn root(&self, since: &str) -> Value {
        json!({
            "baseUrl": "https://log.acme.example",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": STANDARD.encode(spki(&self.key)),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": since},
            },
            "logId": {"keyId": STANDARD.encode(self.id())},
        })
    }

    /// The entry of a signed statement, as the only leaf of its tree.
    pub fn entry(&self, payload: &[u8], signature: &[u8], certificate: &[u8], time: i64) -> Value {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines(certificate));
        let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": hex(&sha256(bytes))});
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": hash(signature),
                "payloadHash": hash(payload),
                "signatures": [{"signature": STANDARD.encode(signature), "verifier": STANDARD.encode(pem)}],
            },
        })
        .to_string();
        let leaf = sha256(&[&[0], body.as_bytes()].concat());
        let note = format!("log.acme.example - 1\n1\n{}\n", STANDARD.encode(&leaf));
        let hinted = [&self.id()[..4], &self.sign(note.as_bytes())].concat();
        let encoded = STANDARD.encode(&body);
        let promised =
            format!(r#"{{"body":"{encoded}","integratedTime":{time},"logID":"{}","logIndex":0}}"#, hex(&self.id()));
        json!({
            "logIndex": "0",
            "logId": {"keyId": STANDARD.encode(self.id())},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": STANDARD.encode(self.sign(promised.as_bytes()))},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": STANDARD.encode(&leaf),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": format!("{note}\n— log.acme.example {}\n", STANDARD.encode(hinted))},
            },
            "canonicalizedBody": encoded,
        })
    }

    fn id(&self) -> Vec<u8> {
        sha256(&spki(&self.key))
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.key.sign(bytes).expect("a signature")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 in lines of 64 characters, as in PEM.
fn lines(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n")
}
