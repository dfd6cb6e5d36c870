//! The keys of a provider, and the signature of its tokens. The only file that uses the library. Pure: it reads no clock, because
//! the library checks no claim.

use jsonwebtoken::Algorithm;
use jsonwebtoken::AlgorithmFamily;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::Validation;
use jsonwebtoken::decode;
use jsonwebtoken::decode_header;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::AlgorithmParameters;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::jwk::KeyAlgorithm;
use jsonwebtoken::jwk::PublicKeyUse;
use serde_json::Map;
use serde_json::Value;

use super::IdTokenRefusal;

/// The keys that a provider published.
#[derive(Debug, Clone)]
pub(crate) struct KeySet(JwkSet);

impl KeySet {
    /// Reads a set of keys. Keys of an unknown kind are in it, and verify nothing.
    pub(crate) fn read(document: &[u8]) -> Option<Self> {
        serde_json::from_slice(document).ok().map(Self)
    }

    /// The claims of a token that one of these keys signed with one of these algorithms.
    ///
    /// # Errors
    ///
    /// There is no such key, or the signature is wrong. No claim is checked.
    pub(crate) fn claims_of(&self, token: &str, accepted: &[&str]) -> Result<Map<String, Value>, IdTokenRefusal> {
        let header = decode_header(token).map_err(|error| form_or_algorithm(error.kind()))?;
        let algorithm = header.alg;
        let is_public = algorithm.family() != AlgorithmFamily::Hmac;
        if !is_public || !accepted.contains(&name_of(algorithm).as_str()) {
            return Err(IdTokenRefusal::Algorithm);
        }
        let key = self.key(header.kid.as_deref(), algorithm).ok_or(IdTokenRefusal::UnknownKey)?;
        let key = DecodingKey::from_jwk(key).map_err(|_| IdTokenRefusal::UnknownKey)?;
        let mut validation = Validation::new(algorithm);
        // The claims are checked with the time as a value, in `id_token`.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let decoded = decode(token, &key, &validation);
        decoded.map(|data| data.claims).map_err(|_| IdTokenRefusal::Signature)
    }

    /// The key with this name. A token that names none is only verified if there is exactly one key for its algorithm.
    fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Jwk> {
        let mut usable = self.0.keys.iter().filter(|key| may_verify(key, algorithm));
        match id {
            Some(id) => usable.find(|key| key.common.key_id.as_deref() == Some(id)),
            None => usable.next().filter(|_| usable.next().is_none()),
        }
    }
}

/// Whether a key is for signatures with this algorithm.
fn may_verify(key: &Jwk, algorithm: Algorithm) -> bool {
    let family = match &key.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa,
        AlgorithmParameters::EllipticCurve(_) => AlgorithmFamily::Ec,
        AlgorithmParameters::OctetKeyPair(_) => AlgorithmFamily::Ed,
        // A secret, or something new.
        AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_) | _ => return false,
    };
    let is_for_signatures = key.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
    let is_for_this = key.common.key_algorithm.is_none_or(|it| it == KeyAlgorithm::from(algorithm));
    family == algorithm.family() && is_for_signatures && is_for_this
}

fn name_of(algorithm: Algorithm) -> String {
    KeyAlgorithm::from(algorithm).to_string()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "everything else is not the form of a token")]
fn form_or_algorithm(kind: &ErrorKind) -> IdTokenRefusal {
    match kind {
        // `none`, and what the library does not know, is no value of its type.
        ErrorKind::Json(error) if error.is_data() => IdTokenRefusal::Algorithm,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => IdTokenRefusal::Algorithm,
        _ => IdTokenRefusal::Form,
    }
}
