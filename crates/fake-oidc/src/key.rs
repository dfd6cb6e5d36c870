//! Keys that sign tokens, made for one test.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
use aws_lc_rs::signature::EcdsaKeyPair;
use aws_lc_rs::signature::Ed25519KeyPair;
use aws_lc_rs::signature::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use aws_lc_rs::signature::RSA_PSS_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::json;

/// A key with a name.
#[derive(Debug)]
pub struct SigningKey {
    id: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Ed(Box<Ed25519KeyPair>),
}

impl SigningKey {
    /// An RSA key of 2048 bits.
    ///
    /// # Panics
    /// If the key cannot be made.
    #[must_use]
    pub fn rsa(id: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        Self { id: id.to_owned(), pair: Pair::Rsa(Box::new(pair)) }
    }

    /// A key of the curve P-256.
    ///
    /// # Panics
    /// If the key cannot be made.
    #[must_use]
    pub fn ec(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { id: id.to_owned(), pair: Pair::Ec(Box::new(pair)) }
    }

    /// An Ed25519 key.
    ///
    /// # Panics
    /// If the key cannot be made.
    #[must_use]
    pub fn ed(id: &str) -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key");
        Self { id: id.to_owned(), pair: Pair::Ed(Box::new(pair)) }
    }

    /// Its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// The public key as a JWK.
    ///
    /// # Panics
    /// Never: the keys have this form.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                json!({ "kty": "RSA", "n": encoded(n.big_endian_without_leading_zero()), "e": encoded(e.big_endian_without_leading_zero()) })
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()) }),
        };
        (jwk["kid"], jwk["use"], jwk["alg"]) = (json!(self.id), json!("sig"), json!(self.algorithm()));
        jwk
    }

    /// The public key in DER, as an attacker would use it for a secret.
    ///
    /// # Panics
    /// If the key has no such form.
    #[must_use]
    pub fn public_der(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der().expect("a key").as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// A token with these claims, and the fields of `header` besides the algorithm and the name of the key.
    #[must_use]
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        let mut all = json!({ "alg": self.algorithm(), "kid": self.id, "typ": "JWT" });
        for (name, value) in header.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        if let Some(all) = all.as_object_mut() {
            all.retain(|_, value| !value.is_null());
        }
        self.signed(&all, claims)
    }

    /// # Panics
    /// If the key cannot sign.
    fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(padding, &random, message.as_bytes(), &mut signature).expect("a signature");
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message.as_bytes()).expect("a signature").as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encoded(&signature))
    }
}

/// A token that is signed with a secret, or with nothing if the algorithm is `none`.
#[must_use]
pub fn unsigned(algorithm: &str, id: &str, secret: &[u8], claims: &Value) -> String {
    let message = message(&json!({ "alg": algorithm, "kid": id }), claims);
    if algorithm == "none" {
        return format!("{message}.");
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{message}.{}", encoded(hmac::sign(&key, message.as_bytes()).as_ref()))
}

fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()))
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
